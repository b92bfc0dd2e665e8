"""The commands. Each opens the installation, calls one composition of `pipeline`, and prints what it did."""

from __future__ import annotations

import datetime as dt
import getpass
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from lifecycle_mail import delivery, events, kpis, segments
from lifecycle_mail.campaigns import find_campaign, json_schema, read_campaigns, read_topics, topics_schema
from lifecycle_mail.command_line import offers, segment_requests
from lifecycle_mail.command_line.arguments import (
    AsOf,
    Parameters,
    SegmentName,
    day,
    moment,
    moment_or_now,
    parameters,
    present,
)
from lifecycle_mail.command_line.campaign_checks import check_campaigns, definition_of
from lifecycle_mail.command_line.console import Bars, errors, print_table, progress_bar, results
from lifecycle_mail.command_line.mails import (
    asked_of,
    language_note,
    print_mail,
    sample_mail,
    show_in_browser,
    stored_mail,
    write_html,
)
from lifecycle_mail.command_line.new_campaign import new_campaign
from lifecycle_mail.command_line.new_files import shown
from lifecycle_mail.command_line.new_segment import new_rules_segment, new_sql_segment
from lifecycle_mail.database import engine, rehearsal, require_reachable
from lifecycle_mail.errors import CampaignError, FeedError, LifecycleError
from lifecycle_mail.intake import Row
from lifecycle_mail.kpis.timeline import mailbox_timeline, refused_files, timeline
from lifecycle_mail.messages.shells import RenderedMail
from lifecycle_mail.migrations import migrate as apply_migrations
from lifecycle_mail.pipeline import Installation, open_installation
from lifecycle_mail.settings import Settings
from lifecycle_mail.sources.blanks import BLANKS

app = typer.Typer(
    help="""Lifecycle mail from your own PostgreSQL: segments are SQL, campaigns are YAML, every number is a table.

The path: load → campaign plan → deliver → events ingest → kpis roll-up. Each command can be run again: nothing is
mailed twice. To begin a campaign of your own: segment new, campaign new, campaign check, message preview --sample.
These four need no database.

Settings come from the environment: LIFECYCLE_DATABASE_URL, LIFECYCLE_MODE (preview, simulate, live), SENDGRID_API_KEY,
SENDGRID_BASE_URL, LIFECYCLE_EVENTS_DIR. Times are ISO 8601 with an offset. Exit status: 0 done, 1 refused with the
reason on stderr, 2 wrong usage.""",
    no_args_is_help=True,
    add_completion=False,
    context_settings={"max_content_width": 100},
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
segment_app = typer.Typer(
    help="Write segments, and look at them: names, sizes, members at any moment.", no_args_is_help=True
)
campaign_app = typer.Typer(help="Write, check, plan, approve, pause and retire campaigns.", no_args_is_help=True)
message_app = typer.Typer(help="Look at single mails.", no_args_is_help=True)
sending_app = typer.Typer(help="One switch for all sending.", no_args_is_help=True)
events_app = typer.Typer(help="Take in what SendGrid reports.", no_args_is_help=True)
suppressions_app = typer.Typer(
    help="Keep suppressions in step with SendGrid's lists, or lift one.", no_args_is_help=True
)
pairs_app = typer.Typer(
    help="Learn what is bought together, and check what it foretells.", no_args_is_help=True
)
kpis_app = typer.Typer(help="Roll facts up into the tables analysts query.", no_args_is_help=True)
for name, sub in (
    ("segment", segment_app),
    ("campaign", campaign_app),
    ("message", message_app),
    ("sending", sending_app),
    ("events", events_app),
    ("suppressions", suppressions_app),
    ("pairs", pairs_app),
    ("kpis", kpis_app),
    ("offers", offers.app),
):
    app.add_typer(sub, name=name)
segment_app.add_typer(segment_requests.app)

Reason = Annotated[str | None, typer.Option("--reason", help="Why, for those who look.", metavar="TEXT")]
CampaignName = Annotated[str, typer.Argument(help="The campaign, as its file is called.", metavar="CAMPAIGN")]
NewName = Annotated[str, typer.Argument(help="Lower-case letters, digits and _.", metavar="NAME")]


def _open() -> Installation:
    return open_installation(Settings.from_environment(os.environ))


@app.command()
def migrate() -> None:
    """Create or update the schemas of the warehouse; running it again does nothing.

    With LIFECYCLE_PAGES_PASSWORD, the database user of recipients' pages may log in by it.
    """
    settings = Settings.from_environment(os.environ)
    warehouse = engine(settings.database_url)
    require_reachable(warehouse)
    password = settings.pages_password or None
    applied = apply_migrations(warehouse, lambda name: errors.print(f"applying {name}", highlight=False), password)
    results.print(f"{len(applied)} migration(s) applied" if applied else "up to date")


@app.command()
def load(
    folder: Annotated[
        Path, typer.Argument(help="Folder with feed files: customers.csv, orders.parquet …", metavar="FOLDER")
    ],
) -> None:
    """Load feed files. Rows and values that break the contract go to source.rejected with a reason; the rest loads.

    Ends with a table by feed and reason. Exit status 1 if a file was refused, or if no row of it could be read.
    """
    installation = _open()
    with progress_bar() as progress:
        report = installation.load(folder, Bars(progress).show)
    _print_intake("Loaded", report.rows(), installation.load_alarms(report, present()))
    if report.waiting:
        waiting: list[list[object]] = [[one.feed, one.rows, one.names, one.ids] for one in report.waiting]
        print_table("Kept until what they name is loaded", ["feed", "rows", "name unknown", "of them"], waiting)
    if unreadable := report.unreadable():
        raise FeedError(f"{'; '.join(unreadable)}. Every other file is loaded; source.rejected has the rows")


@segment_app.command("list")
def segment_list() -> None:
    """List the segments, each with its parameters and who its members are."""
    found, broken = segments.readable_segments()
    rows: list[list[object]] = [
        [
            definition.name,
            ", ".join(f"{one.name}={one.default:g}" for one in definition.parameters),
            definition.what.partition(". ")[0].rstrip("."),
        ]
        for definition in found
    ]
    print_table("Segments (include/sql/segments says it all)", ["segment", "parameters", "who"], rows)
    for error in broken:
        errors.print(str(error), style="red", markup=False, highlight=False)


@segment_app.command("new")
def segment_new(
    name: NewName,
    rules: Annotated[
        bool, typer.Option("--rules", help="Of rules: include/segments/NAME.yaml. Default: SQL, with a case.")
    ] = False,
) -> None:
    """Write a segment that works, for you to change. Refuses a name that is taken.

    A segment in SQL comes with a case that passes.
    """
    paths = new_rules_segment(name) if rules else new_sql_segment(name)
    second = f"python -m lifecycle_mail segment preview {name}" if rules else f"pytest {shown(paths[1].parents[1])}"
    first = "change it" if rules else "change them"
    _print_written({"wrote": paths}, first, [f"python -m lifecycle_mail segment members {name}", second])


def _print_written(paths: dict[str, list[Path]], first: str, commands: list[str]) -> None:
    """Say which files were written or changed, what to do with them first, and then which commands to run."""
    lines = [f"{what} {shown(path)}" for what, found in paths.items() for path in found]
    for line in [*lines, f"{first}, then run:", *(f"  {command}" for command in commands)]:
        results.print(line, markup=False, highlight=False, soft_wrap=True)


@segment_app.command("size")
def segment_size(
    name: SegmentName,
    as_of: AsOf = None,
    parameter: Parameters = None,
) -> None:
    """Print how many members a segment has, and on stderr how many may be mailed.

    It says why the others may not.
    """
    now, installation = present(), _open()
    at, given = moment_or_now(as_of, now), parameters(parameter or [])
    results.print(segments.size(installation.engine, name, at, given), highlight=False)
    reach = installation.segment_reach(name, at, now, given)
    for why, customers in ("may be mailed", reach.mailable), *reach.refused.items():
        errors.print(f"{customers:>9,} {why}", highlight=False)


@segment_app.command("members")
def segment_members(
    name: SegmentName,
    as_of: AsOf = None,
    parameter: Parameters = None,
) -> None:
    """Write the members at a moment as CSV: customer_id, occurrence, occurred_at, context. Changes nothing."""
    at, given = moment_or_now(as_of, present()), parameters(parameter or [])
    segments.write_csv(_open().engine, name, at, given, sys.stdout)


@campaign_app.command("list")
def campaign_list() -> None:
    """List the campaigns that have a file, and those that only the warehouse knows."""
    settings = Settings.from_environment(os.environ, database=False)
    campaigns, broken = read_campaigns(settings.campaigns_dir, read_topics(settings.topics_file))
    rows: list[list[object]] = [
        [one.campaign, one.segment.name, one.schedule, len(one.steps), one.topic, one.holdout, one.description]
        for one in campaigns
    ]
    columns = ["campaign", "segment", "schedule", "steps", "topic", "holdout", "description"]
    print_table("Campaigns", columns, rows)
    for problem in [*map(str, broken), *_lost_campaigns()]:
        errors.print(problem, style="red", markup=False, highlight=False, soft_wrap=True)


def _lost_campaigns() -> list[str]:
    """Return what the warehouse says of campaigns without a file; nothing where no warehouse is set."""
    if not os.environ.get("LIFECYCLE_DATABASE_URL"):
        return []
    try:
        return _open().lost_campaigns()
    except LifecycleError as error:
        return [f"campaigns without a file are not known: {error}"]


@campaign_app.command("new")
def campaign_new(
    name: NewName,
    like: Annotated[
        str | None, typer.Option("--like", help="Copy this campaign, its templates and its words.", metavar="CAMPAIGN")
    ] = None,
    segment: Annotated[
        str | None,
        typer.Option(
            "--segment",
            help="Without --like: to whom. Default: the segment of the same name, else the first one.",
            metavar="SEGMENT",
        ),
    ] = None,
) -> None:
    """Write a campaign that passes its check, for you to change: file, templates and words. Needs no database.

    What each campaign has of its own is marked with `Change`. Its DAG is paused until you unpause it.
    """
    if like is not None and segment is not None:
        raise typer.BadParameter("a copy has the segment of its original: give --like or --segment")
    written = new_campaign(Settings.from_environment(os.environ, database=False), name, like, segment)
    paths = {"wrote": [written.file, *written.templates], "changed": written.translations}
    commands = [f"campaign check {name}", f"message preview {name} {written.steps[0]} --sample"]
    _print_written(
        paths, f"it writes to segment {written.segment}: change what is marked",
        [f"python -m lifecycle_mail {command}" for command in commands],
    )  # fmt: skip


@campaign_app.command("check")
def campaign_check(
    name: Annotated[
        str | None, typer.Argument(help="One campaign. Default: all.", metavar="CAMPAIGN")
    ] = None,
) -> None:
    """Check campaign files, topics, brand, segments, templates and words. Needs neither database nor settings.

    Names everything that is wrong in one run, in the order of the files, each with file and line. Exit status 1 if
    anything is wrong; a warning alone is no reason.
    """
    settings = Settings.from_environment(os.environ, database=False)
    _learn_approved_segments()
    found = check_campaigns(settings, name)
    for warning in found.warnings:
        errors.print(f"warning: {warning}", style="yellow", markup=False, highlight=False)
    if found.problems:
        raise CampaignError("\n".join([*found.problems, found.count()]))
    results.print(f"{found.campaigns} campaign(s), {found.templates} template(s): nothing wrong", highlight=False)
    if name is not None:
        results.print(f"definition {definition_of(settings, name).md5}", highlight=False)


def _learn_approved_segments() -> None:
    """Know the segments that were approved in the warehouse, if one is set and answers: campaigns may name them."""
    if not os.environ.get("LIFECYCLE_DATABASE_URL"):
        return
    try:
        _open()
    except LifecycleError as error:
        errors.print(f"approved segments are not known: {error}", style="yellow", markup=False, highlight=False)


@campaign_app.command("schema")
def campaign_schema(
    topics: Annotated[bool, typer.Option("--topics", help="That of topics.yaml instead.")] = False,
) -> None:
    """Print the JSON Schema of a campaign file, for editors."""
    results.print_json(data=topics_schema() if topics else json_schema())


@campaign_app.command("plan")
def campaign_plan(
    name: CampaignName,
    as_of: AsOf = None,
    now: Annotated[
        str | None,
        typer.Option("--now", help="What the present is (not in live). Default: --as-of, else now.", metavar="TS"),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Do it all, show it, keep nothing.")] = False,
) -> None:
    """Plan a campaign: segment → enroll → advance → decide → write mails. Sends nothing.

    A moment in the future is refused. Outside live, --now says what the present is, and --as-of is then the same if it
    is not given. A late run plans nothing: one that is older than max_lateness_hours and a period of the schedule, or
    earlier than what the campaign planned before. So a scheduled run for a moment before this one is late afterwards.
    """
    installation = _open()
    at, moment_now = _times_of_plan(installation.settings.mode == "live", as_of, now)
    if dry_run:
        with rehearsal(installation.engine) as stage:
            report = Installation(
                installation.settings, stage, installation.topics, installation.brand
            ).plan(name, at, moment_now)
    else:
        report = installation.plan(name, at, moment_now)
    title = f"{name} at {at.isoformat(timespec='seconds')}" + (" (dry run: nothing was kept)" if dry_run else "")
    print_table(title, ["what", "number"], [[what, number] for what, number in report.counts().items()])
    if report.late:
        results.print(f"late: {report.late}", highlight=False, markup=False, soft_wrap=True)


def _times_of_plan(live: bool, as_of: str | None, now: str | None) -> tuple[dt.datetime, dt.datetime]:
    """Return the moment to plan for, and the moment that lateness counts from: the clock in live, else --now or as-of.

    The moment to plan for is --now or the clock if --as-of is not given. Whether it is in the future is judged by the
    same.
    """
    if now and live:
        raise LifecycleError("--now is refused in live mode, where plans use the real clock: leave it out")
    clock = moment(now) if now else present()
    at = moment_or_now(as_of, clock)
    return at, clock if now or live else at


@campaign_app.command("pause")
def campaign_pause(name: CampaignName, reason: Reason = None) -> None:
    """Stop a campaign's mails within one batch, even if its file is broken or gone."""
    installation = _open()
    installation.require_known(name)
    delivery.pause(installation.engine, f"campaign:{name}", "operator", present(), reason)
    results.print(f"campaign {name} is paused")


@campaign_app.command("resume")
def campaign_resume(name: CampaignName) -> None:
    """Let a campaign's mails go again, whatever paused it."""
    installation = _open()
    installation.require_present(name)
    lifted = delivery.resume(installation.engine, f"campaign:{name}", present())
    if not lifted:
        installation.require_known(name)
    results.print(f"campaign {name} goes on" if lifted else f"campaign {name} was not paused")


@campaign_app.command("approve")
def campaign_approve(
    name: CampaignName,
    by: Annotated[str, typer.Option("--by", help="Who approves: a role or a login, no address.", metavar="NAME")],
    definition: Annotated[
        str | None, typer.Option("--definition", help="Approve only if it is this one.", metavar="CHECKSUM")
    ] = None,
) -> None:
    """Approve a campaign for live sending, as its files are now.

    That is its file, templates, layouts, words, brand and sender. A change of any of them needs a new approval.
    `campaign check CAMPAIGN` shows the checksum.
    """
    _require_no_address(by)
    approved = _open().approve(name, by, present(), definition)
    said = f"campaign {name} is approved" if approved.is_new else f"campaign {name} was approved before"
    changes = delivery.listed(approved.changed)
    results.print(f"{said}: definition {approved.definition_md5}{changes}", highlight=False, soft_wrap=True)


@campaign_app.command("revoke")
def campaign_revoke(
    name: CampaignName,
    by: Annotated[str, typer.Option("--by", help="Who revokes: a role or a login, no address.", metavar="NAME")],
    because: Annotated[str, typer.Option("--because", help="Why, for those who look.", metavar="TEXT")],
) -> None:
    """Withdraw the approval that was given last, and cancel the planned mails of it.

    An earlier definition that was approved goes on; `campaign pause` stops them all.
    """
    _require_no_address(by, because)
    done = _open().revoke(name, by, because, present())
    left = done.goes_on
    goes_on = f"definition {left.definition_md5} goes on, approved by {left.approved_by}" if left else "none goes on"
    results.print(
        f"campaign {name}: definition {done.definition_md5} is not approved any more, {done.cancelled} planned mails "
        f"are cancelled; {goes_on}",
        highlight=False, soft_wrap=True,
    )  # fmt: skip


@campaign_app.command("retire")
def campaign_retire(
    name: CampaignName,
    because: Annotated[str, typer.Option("--because", help="Why, for those who look.", metavar="TEXT")],
) -> None:
    """End a campaign for good, with its running series and planned mails.

    The series end as campaign_retired, and the mails are cancelled. Its numbers stay. Nothing is planned under its name
    any more.
    """
    _require_no_address("", because)
    done = _open().retire(name, because, present())
    results.print(
        f"campaign {name} is retired: {done.series} series ended, {done.steps} steps were decided so, {done.mails} "
        "planned mails are cancelled",
        highlight=False, soft_wrap=True,
    )  # fmt: skip


def _require_no_address(by: str, because: str = "") -> None:
    if "@" in by:
        raise typer.BadParameter("--by is kept for good and must not be an address: give a role or a login")
    if "@" in because:
        raise typer.BadParameter("--because is kept for good and must not have an address: leave it out")


@message_app.command("preview")
def message_preview(
    campaign: CampaignName,
    step: Annotated[str, typer.Argument(help="The step, as the campaign's file names it.", metavar="STEP")],
    customer: Annotated[str | None, typer.Option("--customer", help="Of this customer.", metavar="ID")] = None,
    sample: Annotated[
        bool, typer.Option("--sample", help="Of a member of the segment; made up if there is none, or no warehouse.")
    ] = False,
    variant: Annotated[
        str | None, typer.Option("--variant", help="In this variant. Default: the first.", metavar="VARIANT")
    ] = None,
    locale: Annotated[
        str | None, typer.Option("--locale", help="For a reader of this locale, such as pt-BR.", metavar="LOCALE")
    ] = None,
    html: Annotated[
        Path | None, typer.Option("--html", help="Write the HTML part to this file; - is stdout.", metavar="PATH")
    ] = None,
    open_it: Annotated[
        bool, typer.Option("--open", help="Show the HTML part in the browser, from a file that only you may read.")
    ] = False,
) -> None:
    """Print one mail: that of a customer, or a sample.

    --customer shows the exact mail if it was rendered, else the mail as it would be rendered now. --sample needs no
    customer and no warehouse, and says on stderr whose facts the mail tells. --variant and --locale show the mail as it
    would be rendered now, whatever was rendered before.
    """
    if (customer is None) is not sample:
        raise typer.BadParameter("say whose mail: give --customer ID, or --sample")
    settings = Settings.from_environment(os.environ, database=not sample)
    made_up = None
    if customer is not None:
        installation = open_installation(settings)
        read = installation.campaign(campaign)
        mail = stored_mail(installation, read, step, customer, present(), variant, locale)
    else:
        read = find_campaign(settings.campaigns_dir, campaign, read_topics(settings.topics_file))
        drawn = sample_mail(settings, read, asked_of(read, step, variant, locale), present())
        mail, made_up = drawn.mail, drawn.facts if drawn.is_made_up else None
        errors.print(drawn.facts, markup=False, highlight=False)
    if note := language_note(settings, locale):
        errors.print(note, markup=False, highlight=False)
    _show_mail(mail, made_up, html, open_it)


def _show_mail(mail: RenderedMail, made_up: str | None, html: Path | None, open_it: bool) -> None:
    if html is None and not open_it:
        print_mail(mail)
    elif html == Path("-"):
        sys.stdout.write(mail.html)
    else:
        path = write_html(mail, made_up, html)
        is_shown = open_it and show_in_browser(path)
        hint = "" if is_shown or not open_it else ": no browser was found, so open this file yourself"
        results.print(f"{path}{hint}", markup=False, highlight=False, soft_wrap=True)


@app.command()
def deliver(
    now: Annotated[
        str | None, typer.Option("--now", help="Work as at this moment (not in live). Default: now.", metavar="TS")
    ] = None,
    worker: Annotated[
        str, typer.Option(help="Name of this worker in delivery.attempt. Default: from the process.", metavar="NAME")
    ] = "",
    shard: Annotated[int, typer.Option(help="Where this worker begins among the shells.", metavar="NUMBER")] = 0,
) -> None:
    """Send every mail that may go now, until nothing is claimable. Mode preview renders and shows only."""
    installation = _open()
    if now and installation.settings.mode == "live":
        raise LifecycleError("--now is refused in live mode, where mails use the real clock: leave it out")
    fixed = moment(now) if now else None
    if installation.settings.mode == "preview":
        _show_preview(installation, fixed)
        return
    with progress_bar() as progress:
        bars = Bars(progress)
        report = installation.deliver(
            lambda: fixed or present(),
            worker or f"command-line-{os.getpid()}",
            shard,
            lambda so_far: bars.show("mails accepted", so_far.accepted, None),
        )
    print_table("Delivery", ["what", "mails"], [[what, number] for what, number in report.counts().items()])
    with installation.engine.connect() as connection:
        held = {delivery.sentence(one) for one in delivery.pauses(connection)}
    for line in report.doubts():
        results.print(line, highlight=False, markup=False)
    for reason in sorted(report.stopped | held):
        results.print(f"not sent: {reason}", highlight=False)


def _show_preview(installation: Installation, fixed: object) -> None:
    at = fixed or present()
    lines = delivery.preview(installation.engine, installation.settings, installation.topics, now=at)  # type: ignore[arg-type]
    rows: list[list[object]] = [
        [
            line.campaign,
            line.step,
            line.variant,
            line.waiting,
            line.would_go,
            ", ".join(f"{reason} {count}" for reason, count in sorted(line.ended.items())),
            line.postponed,
            line.stopped or "",
            line.sample.subject if line.sample else "",
        ]
        for line in lines
    ]
    columns = ["campaign", "step", "variant", "waiting", "would go*", "would end", "later", "stopped", "a subject"]
    print_table("Preview: nothing is sent, nothing changes (* of the first 1,000)", columns, rows)


@sending_app.command("pause")
def sending_pause(reason: Reason = None) -> None:
    """Stop all sending within one batch."""
    delivery.pause(_open().engine, "all", "operator", present(), reason)
    results.print("all sending is paused")


@sending_app.command("resume")
def sending_resume() -> None:
    """Let mails go again, whatever paused all sending."""
    lifted = delivery.resume(_open().engine, "all", present())
    results.print("sending goes on" if lifted else "sending was not paused")


@sending_app.command("status")
def sending_status() -> None:
    """Show what is paused and why, what else mails wait for, and which campaigns are late."""
    installation = _open()
    with installation.engine.connect() as connection:
        held = delivery.pauses(connection)
    rows: list[list[object]] = [[one.scope, one.reason, one.detail, one.paused_at.isoformat()] for one in held]
    print_table("Paused" if rows else "Nothing is paused", ["scope", "reason", "detail", "since"], rows)
    for said in installation.waits(present()):
        results.print(f"not sent: {said}", highlight=False, markup=False, soft_wrap=True)
    for said in installation.overdue(present()):
        results.print(f"not planned: {said}", highlight=False, markup=False, soft_wrap=True)
    for said in installation.lost_campaigns():
        results.print(said, highlight=False, markup=False, soft_wrap=True)


@events_app.command("ingest")
def events_ingest(
    path: Annotated[
        Path | None, typer.Argument(help="A file or folder. Default: LIFECYCLE_EVENTS_DIR.", metavar="PATH")
    ] = None,
) -> None:
    """Take in event exports: objects, lines of them, arrays, or envelopes of queues. Duplicates count once, always.

    Ends with a table by reason. Exit status 1 if there was something to read and nothing of it could be read.
    """
    installation = _open()
    with progress_bar() as progress:
        bars = Bars(progress)
        report = installation.ingest(
            path, lambda _file, received, _new: bars.show("events", received, None), now=present()
        )
    _print_intake("Events", report.rows(), installation.event_alarms(report, present()))
    _name_unlisted_groups(installation)
    if report.is_unreadable:
        named = [f"{name} ({report.skipped[name]})" if name in report.skipped else name for name in report.barren]
        raise LifecycleError(
            f"nothing could be read: {', '.join(named)}. Give exports of the event webhook; lines that were refused "
            "are in event.rejected, with their reasons"
        )


def _print_intake(title: str, rows: list[Row], alarms: list[str]) -> None:
    print_table(title, ["what", "number"], [list(row) for row in rows])
    for said in alarms:
        results.print(f"look at this: {said}", highlight=False, markup=False, soft_wrap=True)


def _name_unlisted_groups(installation: Installation) -> None:
    for said in installation.unlisted_groups():
        results.print(said, highlight=False, markup=False, soft_wrap=True)


@suppressions_app.command("sync")
def suppressions_sync(
    now: Annotated[
        str | None, typer.Option("--now", help="Read up to this moment (not in live). Default: now.", metavar="TS")
    ] = None,
) -> None:
    """Read SendGrid's suppression lists, then send it the opt-outs that it does not have. Preview does neither."""
    installation = _open()
    if now and installation.settings.mode == "live":
        raise LifecycleError("--now is refused in live mode, where suppressions use the real clock: leave it out")
    fixed = moment(now) if now else None

    def clock() -> dt.datetime:
        return fixed or present()

    report = installation.pull_suppressions(clock()).plus(installation.push_suppressions(clock(), clock))
    alarms = installation.sync_alarms(report, clock())
    title = "Suppressions"
    if installation.settings.mode == "preview":
        title += " (preview: nothing was read, nothing was pushed)"
    _print_intake(title, report.rows(), alarms)
    _name_unlisted_groups(installation)


@suppressions_app.command("hygiene")
def suppressions_hygiene(
    now: Annotated[
        str | None, typer.Option("--now", help="Judge this moment (not in live). Default: now.", metavar="TS")
    ] = None,
) -> None:
    """End the mail of people who stayed silent to the end of a win-back."""
    installation = _open()
    if now and installation.settings.mode == "live":
        raise LifecycleError("--now is refused in live mode, where silence uses the real clock: leave it out")
    report = installation.tidy_list(moment(now) if now else present())
    _print_intake("List hygiene", report.rows(), [report.rested] if report.rested else [])


@suppressions_app.command("lift")
def suppressions_lift(
    address: Annotated[str, typer.Argument(help="The address, in any case.", metavar="ADDRESS")],
    because: Annotated[str, typer.Option("--because", help="Why, for those who look.", metavar="TEXT")],
    by: Annotated[
        str, typer.Option("--by", help="Who lifts: a role or a login. Default: your login.", metavar="NAME")
    ] = "",
    only: Annotated[
        list[str] | None,
        typer.Option("--only", help="One of bounces, complaints, opt_outs; may repeat. Default: all.", metavar="KIND"),
    ] = None,
) -> None:
    """Let an address be mailed again, and take it off SendGrid's lists.

    That is the operator's yes: it ends suppressions, opt-outs, complaints and withdrawals at the address. Who never
    confirmed is not mailed, and what a customer said at another address stays: the command names both.
    A log keeps who lifted what, when and why. In mode preview SendGrid is not asked.
    """
    _require_no_address(by, because)
    if "@" not in address or not because.strip():
        raise typer.BadParameter("give an address, and a reason with --because")
    if strangers := [kind for kind in only or () if kind not in events.KINDS]:
        raise typer.BadParameter(f"--only takes {', '.join(events.KINDS)}, not '{strangers[0]}'")
    installation = _open()
    report = installation.lift_suppressions(address, by or getpass.getuser(), because, present(), only or events.KINDS)
    if report.is_nothing:
        asked = "" if installation.settings.mode == "preview" else ", and SendGrid does not list it"
        raise LifecycleError(f"nothing to lift: no such suppression of this address is in force{asked}")
    for line in _lift_lines(report, installation.settings.mode == "preview"):
        results.print(line, highlight=False, markup=False, soft_wrap=True)


def _lift_lines(report: events.LiftReport, is_preview: bool) -> list[str]:
    lines = [f"lifted: {scope} {reason}" for scope, reason in report.lifted]
    lines += [
        f"lifted: all withdrawn, said by {f'customer {one.speaker}' if one.speaker else 'an unknown speaker'} "
        f"({one.origin})"
        for one in report.withdrawals
    ]
    lines += ["lifted: rest after soft bounces"] if report.was_resting else []
    lines += [f"taken off SendGrid's list: {name}" for name in report.taken_off]
    lines += ["SendGrid's lists were not asked (mode preview)"] if is_preview else []
    return lines + [f"not lifted: customer {customer} {_LEFT[kind]}" for customer, kind in report.left]


_LEFT = {
    "suppressed": "is suppressed at this address for another reason, which --only left out",
    "withdrawn": "withdrew at another address, or --only left it out: the customer's own yes ends it",
    "carried": "said no at another address: the customer's own yes ends it",
    "rests": "is not mailed until the feed says a permission that can be read",
    "not_confirmed": "has not confirmed: a lift gives no permission",
}


@pairs_app.command("refresh")
def pairs_refresh(as_of: AsOf = None) -> None:
    """Count what is bought together and what sells best, from the orders that changed.

    The DAG refresh_segments does it once per day.
    """
    now = present()
    at = moment_or_now(as_of, now)
    counts = _open().refresh_recommendations(at, now)
    results.print("  ".join(f"{name} {number}" for name, number in counts.items()))


@pairs_app.command("check")
def pairs_check(as_of: AsOf = None) -> None:
    """Compare pairs with bestsellers on the last 30 days, and keep the hit rates.

    Pairs are learned without these days. If they hit no more customers than the bestsellers, complements are
    bestsellers from now on. The figures are in segment.recommendation_check.
    """
    now = present()
    at = moment_or_now(as_of, now)
    results.print(_open().check_recommendations(at, now), soft_wrap=True)


@kpis_app.command("roll-up")
def kpis_roll_up(
    since: Annotated[str | None, typer.Option("--from", help="First reporting day.", metavar="DATE")] = None,
    until: Annotated[str | None, typer.Option("--to", help="Last reporting day.", metavar="DATE")] = None,
    full: Annotated[bool, typer.Option("--full", help="Recompute everything from the facts.")] = False,
) -> None:
    """Bring the KPI tables up to date.

    The numbers are those of a full recompute, at the cost of what changed.
    """
    first, last = day(since) if since else None, day(until) if until else None
    if first and last and first > last:
        raise typer.BadParameter(f"--from {first} is after --to {last}: swap them")
    report = _open().roll_up(present(), since=first, until=last, full=full)
    print_table("Roll-up", ["what", "number"], [[what, number] for what, number in report.counts().items()])


@kpis_app.command("check")
def kpis_check() -> None:
    """Check that the KPI tables add up.

    If they do not, the exit status is 1, with one line per identity that does not hold. Reads everything that was
    counted. The DAG roll_up_kpis does the same after each roll-up, for the days it wrote.
    """
    _open().check_kpis()
    results.print("the KPI tables add up")


@app.command()
def maintain() -> None:
    """Make the coming monthly partitions, and drop months past their retention.

    Without a retention in the settings no month is dropped. Also makes the filters by which an erasure finds an address
    among new raw events, and forgets which recipient took a place in days and weeks long past.
    """
    installation, now = _open(), present()
    made = installation.ensure_months(now)
    ranges, places = installation.summarize_addresses(), installation.forget_places(now)
    dropped = installation.retire_months(now).dropped
    numbers = {
        "partitions there ahead": len(made),
        "page ranges given a filter": ranges,
        "places of days past forgotten": places,
        "partitions dropped": len(dropped),
    }
    print_table("Upkeep", ["what", "number"], [[what, number] for what, number in numbers.items()])


@app.command()
def why(
    customer: Annotated[
        str, typer.Argument(help="The customer's key, or an address.", metavar="CUSTOMER|ADDRESS")
    ],
    campaign: Annotated[
        str | None, typer.Option("--campaign", help="Only this campaign.", metavar="CAMPAIGN")
    ] = None,
    as_of: AsOf = None,
) -> None:
    """Explain why a customer was or was not mailed, and what holds the next mail back.

    First comes what happened, in order of time: enrollments, decisions, mails, events. Then comes what planning and a
    claim would say of running series and planned mails if they came now. Nothing is changed. For an address it shows
    every word about mail at that mailbox: who said it, and what ended it. Both name rows of feeds that were refused.
    """
    at = moment_or_now(as_of, present())
    customer = customer.strip(BLANKS)
    installation = _open()
    called = installation.present_name(campaign) if campaign else None
    with installation.engine.connect() as connection:
        entries = timeline(connection, customer, called)
        is_mailbox = not entries and "@" in customer
        if is_mailbox:
            entries = mailbox_timeline(connection, customer)
        unread = [] if entries else refused_files(connection)
    if is_mailbox and not entries:
        raise LifecycleError("; ".join([
            "this mailbox is unknown: no customer ever had it, nothing was said there, and no refused row names it",
            *unread, "check it",
        ]))  # fmt: skip
    if not entries:
        raise LifecycleError("; ".join([
            f"customer '{customer}' is unknown: never loaded, and never in a series", *unread, "check the id",
        ]))  # fmt: skip
    rows: list[list[object]] = [
        [entry.happened_at.isoformat(timespec="seconds"), entry.campaign, entry.step, entry.what, entry.why]
        for entry in entries
    ]
    title = f"Mailbox {customer}" if is_mailbox else f"Customer {customer}"
    print_table(title, ["when (UTC)", "campaign", "step", "what", "why"], rows)
    _print_outlook(installation.outlook(customer, at, campaign), at)


def _print_outlook(outlook: list[kpis.Outlook], at: dt.datetime) -> None:
    if not outlook:
        return
    results.print()
    rows: list[list[object]] = [[line.campaign, line.step, line.what, line.says] for line in outlook]
    title = f"What holds at {at.astimezone(dt.UTC).isoformat(timespec='seconds')}, times in UTC"
    print_table(title, ["campaign", "step", "what", "planning or a claim would say"], rows)


@app.command()
def erase(
    customer: Annotated[
        str, typer.Argument(help="The customer's key, or the address of a person.", metavar="CUSTOMER|ADDRESS")
    ],
    without_files: Annotated[
        bool, typer.Option("--without-files", help="Go on where the folder of ingested export files is not set.")
    ] = False,
) -> None:
    """Erase one person for good: names, addresses, texts, mails, events, export files. Keyed hashes stay as a guard.

    Another customer with the same address is another person and stays. An address means the one customer who holds it,
    or a person who is not a customer.
    """
    installation, customer = _open(), customer.strip(BLANKS)
    exported = installation.audiences_of(customer)
    if not installation.erase(customer, present(), without_files):
        whom = "the person of this address" if "@" in customer else f"customer '{customer}'"
        raise LifecycleError(f"{whom} cannot be erased: unknown, or erased before; check the id")
    left = "" if installation.settings.events_dir else " (no export files were looked at)"
    whom = "the person of this address" if "@" in customer else f"customer {customer}"
    results.print(f"{whom} is erased{left}")
    if exported:
        results.print(
            f"advertising networks have the address: export these audiences again, so that they take it out: "
            f"{', '.join(exported)}",
            highlight=False,
        )
