"""Claim a batch: pick, judge, reserve, render and mark, in one transaction that commits before any request.

    pick     lock up to 1,000 planned mails of one shell, skipping what other workers hold
    judge    ask again what was decided: exit, permission, suppression, hours, staleness
    reserve  take a place in each recipient's day or week
    render   the slots, for the mails that go
    mark     planned → claimed, with a lease and the attempt's number
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, NamedTuple

import orjson
from pydantic import ValidationError
from sqlalchemy.engine import Connection, Engine, Row

from lifecycle_mail.campaigns import Campaign, Topic, topic_called
from lifecycle_mail.database import bigints, run, scalar, texts
from lifecycle_mail.decisions import send_hours
from lifecycle_mail.delivery.approvals import Approvals, is_approved
from lifecycle_mail.delivery.breakers import BreakerWatch
from lifecycle_mail.delivery.leases import lease_seconds
from lifecycle_mail.delivery.modes import is_example
from lifecycle_mail.delivery.pauses import pauses, sentence
from lifecycle_mail.delivery.requests import (
    MAX_RECIPIENTS,
    MAX_SLOT_BYTES,
    substitutions,
    write_recipient,
)
from lifecycle_mail.errors import CampaignError, ClaimLost, TemplateError
from lifecycle_mail.journeys import goal_facts
from lifecycle_mail.messages import Definitions, fresh_shell, load_shell, rebind, shell_by
from lifecycle_mail.messages.links import unsubscribe_url
from lifecycle_mail.messages.packing import packer
from lifecycle_mail.messages.shells import Shell, slots_bytes
from lifecycle_mail.messages.slots import SlotRenderer
from lifecycle_mail.messages.states import ClaimedMail, MessageKey, cancel, postpone, take_claim
from lifecycle_mail.messages.templates import TemplateLibrary
from lifecycle_mail.settings import Settings
from lifecycle_mail.words import run_with


@dataclass(frozen=True)
class Workbench:
    """What every claim of one worker needs. `rejected` and `accepted` count the run's own mails by campaign."""

    settings: Settings
    topics: dict[str, Topic]
    library: TemplateLibrary
    worker: str
    breakers: BreakerWatch = field(default_factory=BreakerWatch)
    definitions: Definitions = field(default_factory=Definitions)
    rejected: Counter[str] = field(default_factory=Counter)
    accepted: Counter[str] = field(default_factory=Counter)

    @property
    def is_live(self) -> bool:
        """Whether mails go out as they were approved, or outside live as the files are now."""
        return self.settings.mode == "live"

    def library_of(self, connection: Connection, shell: Shell) -> TemplateLibrary:
        """Return the templates that the personal parts of a shell are written with."""
        if self.is_live and shell.definition_md5 is not None:
            return self.definitions.get(connection, shell.definition_md5).library
        return self.library

    def is_to_stop(self, connection: Connection, work: ShellWork, now: dt.datetime) -> bool:
        """Tell whether the campaign passes a limit just now."""
        name, limits = work.campaign.campaign, work.topic.limits
        own = (self.rejected[name], min(self.accepted[name], limits.minimum))
        return self.breakers.trip(connection, name, limits, own, now) is not None


@dataclass(frozen=True)
class ShellWork:
    """A shell with planned mails that may go. They are written with `written_shell_id`: in a preview of a corrected
    template another one than they still have. `definition_md5`: what they go out as; in live it must be approved."""

    shell_id: int
    written_shell_id: int
    campaign: Campaign
    definition_md5: str | None
    step: str
    topic: Topic
    mails: int
    priority: int


class PickedMail(NamedTuple):
    """One mail under a claim, as delivery/pick.sql judges it: a row of its own columns, in their order.

    A plain tuple: each look at a name of SQLAlchemy's Row costs as much as twenty of these. The context stays JSON
    until its mail is rendered: read, a thousand of them take four times the room.
    """

    enrollment_id: int
    step: str
    message_id: str
    context: str
    email: str
    address: str
    first_name: str | None
    last_name: str | None
    country: str | None
    zone: str
    local_day: str
    opens_at: dt.datetime | None
    opens_day: dt.date | None
    verdict: str | None

    @property
    def key(self) -> MessageKey:
        """The never-twice key."""
        return MessageKey(self.enrollment_id, self.step)


@dataclass(frozen=True)
class Attempt:
    """One request to be made: its claim is committed. `whole` = one recipient, rendered whole.

    `taken_at` is when the claim began, in seconds of `lease_seconds`.
    """

    attempt_id: int
    shell_id: int
    shell: Shell
    topic: Topic
    mails: list[ClaimedMail]
    whole: bool = False
    taken_at: float = field(default_factory=lease_seconds)


@dataclass(frozen=True)
class Claim:
    """What one claim did. `picked` 0 means the shell has nothing left for this worker.

    One request at most: a worker that dies leaves no more than that in doubt. `alone` are mails too large to share
    one, left planned, each to be claimed by itself.
    """

    picked: int
    attempt: Attempt | None = None
    alone: Sequence[MessageKey] = ()
    ended: Counter[str] = field(default_factory=Counter)
    postponed: int = 0


def shells_with_work(
    connection: Connection, bench: Workbench, now: dt.datetime
) -> tuple[list[ShellWork], set[str]]:
    """Return the shells that have mails to go, most important first, and why others have to wait.

    Planned mails get the shell they shall go out with. A broken template or a topic that is gone stops its own mails,
    not the run.
    """
    works, waiting = [], set()
    held = _approvals(connection, bench)
    for row in rows_with_work(connection, now):
        try:
            work = _work(connection, bench, row, held)
        except (TemplateError, CampaignError) as error:
            waiting.add(f"campaign {row.campaign}: {error}")
            continue
        rebind(connection, work.shell_id, work.written_shell_id)
        works.append(replace(work, shell_id=work.written_shell_id))
    return works, waiting


def _approvals(connection: Connection, bench: Workbench) -> Approvals | None:
    return Approvals(connection, bench.definitions) if bench.is_live else None


def rows_with_work(connection: Connection, now: dt.datetime) -> Sequence[Row[Any]]:
    """Return the shells that have mails to go, most important first, in the columns of delivery/shells_with_work."""
    return run(connection, "delivery/shells_with_work", now=now).all()


def work_to_preview(connection: Connection, bench: Workbench, row: Row[Any]) -> ShellWork:
    """Return a shell's work with the mails left as they are: corrected templates show, no mail is written anew.

    Raises:
        TemplateError: its template is broken.
        CampaignError: its topic is gone, or its definition cannot be read.
    """
    return _work(connection, bench, row, _approvals(connection, bench))


def shell_to_send(connection: Connection, bench: Workbench, shell_id: int, now: dt.datetime) -> int:
    """Return the shell that planned mails of `shell_id` would go out with in live just now; no mail is written anew.

    Raises:
        CampaignError: their definition cannot be read.
    """
    held = Approvals(connection, bench.definitions)
    for row in run(connection, "delivery/planned_shells", now=now, campaign=None):
        if row.shell_id == shell_id and (md5 := held.sent_as(row) or row.shell_definition_md5):
            definition = bench.definitions.get(connection, md5)
            return shell_by(connection, definition, shell_id, bench.settings.postal_address)
    return shell_id


def out_of_order(connection: Connection, bench: Workbench, now: dt.datetime) -> list[tuple[str, str]]:
    """Return (campaign, reason) for each campaign whose template or topic keeps its mails from going; changes none."""
    found = set()
    held = _approvals(connection, bench)
    for row in rows_with_work(connection, now):
        if not row.unexpired_mails:  # all of them are stale
            continue
        try:
            _work(connection, bench, row, held)
        except (TemplateError, CampaignError) as error:
            found.add((str(row.campaign), str(error)))
    return sorted(found)


def _work(connection: Connection, bench: Workbench, row: Row[Any], held: Approvals | None) -> ShellWork:
    """Return a shell's work: in live by the definition its mails go out as, otherwise by the files as they are."""
    md5 = row.shell_definition_md5
    if held is not None and (md5 := held.sent_as(row) or md5):
        return _defined_work(connection, bench, row, md5)
    topic = _topic(bench, row.topic)
    written = row.shell_id if held is not None else fresh_shell(connection, bench.library, row.shell_id)
    campaign = _campaign(row.definition_md5, orjson.dumps(row.definition))
    return ShellWork(row.shell_id, written, campaign, md5, row.step, topic, row.mails, row.priority)


def _defined_work(connection: Connection, bench: Workbench, row: Row[Any], definition_md5: str) -> ShellWork:
    definition = bench.definitions.get(connection, definition_md5)
    present = _topic(bench, definition.campaign.topic)
    topic = definition.topic_in(bench.topics)
    if is_example(topic.sender.email) and not is_example(present.sender.email):
        raise CampaignError(
            "the definition its mails carry has a sender of example.com, which topics.yaml has replaced since: run "
            f"`campaign approve {row.campaign} --by WHO`"
        )
    written = shell_by(connection, definition, row.shell_id, bench.settings.postal_address)
    return ShellWork(
        row.shell_id, written, definition.campaign, definition_md5, row.step, topic, row.mails, row.priority
    )


def _topic(bench: Workbench, name: str) -> Topic:
    topic = topic_called(bench.topics, name)
    if topic is None:
        raise CampaignError(
            f"topic '{name}' is not in topics.yaml any more: put it back, or let these mails end as stale"
        )
    return topic


@lru_cache(maxsize=256)
def _campaign(definition_md5: str, definition: bytes) -> Campaign:  # noqa: ARG001 - the cache's key
    try:
        return Campaign.model_validate(orjson.loads(definition))
    except ValidationError:
        raise CampaignError("its published definition is of another version: run `campaign plan` once") from None


def stopped(connection: Connection, bench: Workbench, work: ShellWork) -> str | None:
    """Return why nothing of this campaign may go now, or None."""
    for held in pauses(connection, work.campaign.campaign):
        return sentence(held)
    if bench.is_live and not is_approved(connection, work.definition_md5):
        return f"not approved: campaign {work.campaign.campaign}"
    return None


def claim(
    engine: Engine,
    bench: Workbench,
    work: ShellWork,
    now: dt.datetime,
    limit: int = MAX_RECIPIENTS,
    only: MessageKey | None = None,
    most: int = MAX_RECIPIENTS,
) -> Claim:
    """Claim up to `limit` mails of one shell, or the one mail `only`; the claim is committed when this returns.

    So many are looked at: of those that may go, `most` do, and the rest stay planned.

    Raises:
        ClaimLost: mails moved under the claim; it is undone.
    """
    with engine.begin() as connection:
        if stopped(connection, bench, work) or bench.is_to_stop(connection, work, now):
            return Claim(picked=0)
        return claim_in(connection, bench, work, now, limit, only, most)


def claim_in(
    connection: Connection,
    bench: Workbench,
    work: ShellWork,
    now: dt.datetime,
    limit: int,
    only: MessageKey | None = None,
    most: int = MAX_RECIPIENTS,
) -> Claim:
    """Claim within the caller's transaction (a preview rolls it back)."""
    taken_at = lease_seconds()
    rows = _pick(connection, work, now, limit, only)
    if not rows:
        return Claim(picked=0)
    shell = load_shell(connection, work.written_shell_id)
    go, ended = _sort(rows, bench.settings, goal_facts(work.campaign.goal.event))
    postponed = postpone(connection, _closed(rows))
    reserved, full = _reserve(connection, work.topic, bench.topics, go)
    moved, stale = _move_to_next_period(connection, work, full)
    renderer = bench.library_of(connection, shell).slots(shell)
    rendered, broken = _render(renderer, bench.settings, work.topic, reserved[:most])
    cancel(connection, ended + stale, now)
    cancel(connection, broken, now, state="rejected")
    together, alone = _part(rendered)
    release(connection, [row.key for row in reserved[most:]] + [key for key, _ in broken] + alone)
    return Claim(
        picked=len(rows),
        attempt=_mark(connection, bench, work, shell, together, now, taken_at),
        alone=alone,
        ended=Counter(reason for _, reason in [*ended, *stale, *broken]),
        postponed=postponed + moved,
    )


def _pick(
    connection: Connection, work: ShellWork, now: dt.datetime, limit: int, only: MessageKey | None
) -> list[PickedMail]:
    run(connection, "delivery/probe_plans")
    rows = run_with(
        connection,
        "delivery/pick",
        "exit_words",
        work.campaign.exit_files,
        shell_id=work.shell_id,
        batch=limit,
        only_enrollment_id=only.enrollment_id if only else None,
        now=now,
        topic=work.topic.topic,
        is_marketing=work.topic.is_marketing,
        permissions=list(work.topic.permissions),
        campaign_topic=work.campaign.topic,
        **send_hours(work.campaign, work.topic),
    )
    return list(map(PickedMail._make, rows))


def _sort(
    rows: Sequence[PickedMail], settings: Settings, goals: Sequence[str]
) -> tuple[list[PickedMail], list[tuple[MessageKey, str]]]:
    """Part the mails that may go from those that end here; a second mail to one address waits for another batch."""
    go: list[PickedMail] = []
    ended: list[tuple[MessageKey, str]] = []
    addresses: set[str] = set()
    for row in rows:
        if row.verdict is not None:
            if row.verdict != "postpone":
                ended.append((row.key, "converted" if row.verdict in goals else row.verdict))
        elif not _is_allowed(row.address, settings.allowed_recipients):
            ended.append((row.key, "recipient_not_allowed"))
        elif row.address not in addresses:
            addresses.add(row.address)
            go.append(row)
    return go, ended


def _closed(rows: Sequence[PickedMail]) -> list[tuple[MessageKey, dt.datetime, dt.date, str]]:
    """Return what keeps each mail whose hours are over for the moment they open."""
    return [
        (row.key, row.opens_at, row.opens_day, "quiet_hours")
        for row in rows
        if row.verdict == "postpone" and row.opens_at and row.opens_day
    ]


def _is_allowed(address: str, allowed: tuple[str, ...]) -> bool:
    return not allowed or any(
        address.endswith(entry) if entry.startswith("@") else address == entry for entry in allowed
    )


def _reserve(
    connection: Connection, topic: Topic, topics: dict[str, Topic], rows: list[PickedMail]
) -> tuple[list[PickedMail], list[PickedMail]]:
    """Take places in the recipients' periods; returns the mails that have one, and those whose period is full."""
    if not topic.is_marketing or not rows:
        return rows, []
    left, full = rows, []
    for period in _periods(topics):
        cap = topic.cap.mails if topic.cap and topic.cap.per == period else None
        outcome = _reserve_period(connection, period, cap, left)
        if outcome:
            full += [row for row in left if outcome.get(row.key) == "capped"]
            left = [row for row in left if row.key not in outcome]
            release(connection, list(outcome))
    return left, full


def _periods(topics: dict[str, Topic]) -> list[str]:
    """Return the periods any topic caps by: each counts every marketing mail. Always in one order, as two workers
    who reserve for one person would else wait for each other."""
    return sorted({other.cap.per for other in topics.values() if other.cap})


def _reserve_period(
    connection: Connection, period: str, cap: int | None, rows: list[PickedMail]
) -> dict[MessageKey, str]:
    """Return the mails that got no place, and why: 'capped' or 'raced'."""
    if not rows:
        return {}
    found = run(
        connection,
        "delivery/reserve",
        addresses=texts(row.address for row in rows),
        days=texts(row.local_day for row in rows),
        enrollment_ids=bigints(row.enrollment_id for row in rows),
        step=rows[0].step,
        period=period,
        cap=cap,
    )
    return {MessageKey(row.enrollment_id, row.step): row.outcome for row in found}


def release(connection: Connection, keys: Sequence[MessageKey]) -> None:
    """Give back the places of mails that surely did not go."""
    if keys:
        run(connection, "delivery/probe_plans")
        run(
            connection,
            "delivery/release",
            enrollment_ids=[key.enrollment_id for key in keys],
            steps=[key.step for key in keys],
        )


def erase_places(connection: Connection, address: str) -> int:
    """Forget the places of an erased person, by the address in lower case; return how many there were."""
    return run(connection, "delivery/erase_places", address=address).rowcount


def forget_places(connection: Connection, now: dt.datetime) -> int:
    """Forget the places of days and weeks more than four weeks past; return how many there were."""
    return run(connection, "delivery/forget_places", now=now).rowcount


def _move_to_next_period(
    connection: Connection, work: ShellWork, full: list[PickedMail]
) -> tuple[int, list[tuple[MessageKey, str]]]:
    """Keep mails whose period is full for the next one, where they are not stale by then."""
    if not full or work.topic.cap is None:
        return 0, []
    found = run(
        connection,
        "delivery/next_period",
        enrollment_ids=[row.enrollment_id for row in full],
        steps=[row.step for row in full],
        zones=[row.zone for row in full],
        days=[row.local_day for row in full],
        period=work.topic.cap.per,
        **send_hours(work.campaign, work.topic),
    )
    later, stale = [], []
    for row in found:
        key = MessageKey(row.enrollment_id, row.step)
        if row.is_stale:
            stale.append((key, "capped"))
        else:
            later.append((key, row.opens_at, row.opens_day, "capped"))
    return postpone(connection, later), stale


def _render(
    renderer: SlotRenderer, settings: Settings, topic: Topic, rows: list[PickedMail]
) -> tuple[list[ClaimedMail], list[tuple[MessageKey, str]]]:
    """Render the slots of each mail; one that cannot be rendered is refused by itself."""
    pack = packer(renderer.shell.slots_dictionary).pack
    rendered, broken = [], []
    for row in rows:
        try:
            rendered.append(_render_one(renderer, pack, settings, topic, row))
        except TemplateError:
            broken.append((row.key, "render_failed"))
    return rendered, broken


def _render_one(
    renderer: SlotRenderer, pack: Callable[[bytes], bytes], settings: Settings, topic: Topic, row: PickedMail
) -> ClaimedMail:
    shell = renderer.shell
    customer = {
        "first_name": row.first_name,
        "last_name": row.last_name,
        "country": row.country,
        "timezone": row.zone,
        "language": shell.language,
        "currency": shell.currency,
    }
    link = unsubscribe_url(settings.public_url, settings.link_secret, row.message_id, topic.topic)
    context = orjson.loads(row.context)
    context["currency"] = context.get("currency") or shell.currency
    slots = renderer.render(customer, context, {"unsubscribe_url": link, "view_url": None}, None)
    plain = orjson.dumps(slots.substitutions)
    recipient = write_recipient(row.email, row.message_id, link, slots.subject, plain)
    return ClaimedMail(row.key, slots.subject, recipient, pack(plain))


def _part(mails: list[ClaimedMail]) -> tuple[list[ClaimedMail], list[MessageKey]]:
    """Part the mails of one request from those too large to share one; where all are, the first makes a request."""
    large: list[ClaimedMail] = []
    others: list[ClaimedMail] = []
    for mail in mails:
        (large if _is_large(mail) else others).append(mail)
    together, apart = (others, large) if others else (large[:1], large[1:])
    return together, [mail.key for mail in apart]


def _is_large(mail: ClaimedMail) -> bool:
    """Tell whether the slots pass what substitutions may hold; as JSON they are never shorter than in themselves."""
    return len(mail.recipient) > MAX_SLOT_BYTES and slots_bytes(substitutions(mail)) > MAX_SLOT_BYTES


def _mark(
    connection: Connection,
    bench: Workbench,
    work: ShellWork,
    shell: Shell,
    mails: list[ClaimedMail],
    now: dt.datetime,
    taken_at: float,
) -> Attempt | None:
    """Write the attempt and mark its mails as claimed.

    Raises:
        ClaimLost: some are not planned any more; another may send them, so the transaction has to end.
    """
    if not mails:
        return None
    run(connection, "delivery/probe_plans")
    lease_until = now + dt.timedelta(seconds=bench.settings.claim_lease_seconds)
    attempt_id = _begin(connection, bench, work, len(mails), now, lease_until)
    taken = take_claim(connection, attempt_id, mails, now, lease_until)
    if taken != len(mails):
        raise ClaimLost(
            f"{len(mails) - taken} of {len(mails)} mails of campaign {work.campaign.campaign} were moved by others "
            "during their claim: nothing of it was sent; run deliver again, and look for what else writes "
            "message.message"
        )
    return Attempt(attempt_id, work.shell_id, shell, work.topic, mails, _is_large(mails[0]), taken_at)


def _begin(
    connection: Connection,
    bench: Workbench,
    work: ShellWork,
    recipients: int,
    now: dt.datetime,
    lease_until: dt.datetime,
) -> int:
    return int(
        scalar(
            connection,
            "delivery/begin_attempt",
            shell_id=work.shell_id,
            campaign=work.campaign.campaign,
            worker=bench.worker,
            recipients=recipients,
            now=now,
            lease_until=lease_until,
        )
    )
