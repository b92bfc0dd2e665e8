"""Commands of a segment's life: ask for it, look at what is asked for, decide, export, retire."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.markdown import Markdown

from lifecycle_mail import audiences, previews, segments
from lifecycle_mail.command_line.arguments import (
    AsOf,
    Parameters,
    SegmentName,
    moment_or_now,
    parameters,
    present,
)
from lifecycle_mail.command_line.console import errors, print_table, results
from lifecycle_mail.errors import SegmentError
from lifecycle_mail.pipeline import Installation, open_installation
from lifecycle_mail.settings import Settings

app = typer.Typer()
By = Annotated[str, typer.Option("--by", help="Who: a role or a login, no address.", metavar="NAME")]
Version = Annotated[
    int | None, typer.Option("--version", help="Decide only if this version waits.", metavar="NUMBER")
]


def _open() -> Installation:
    return open_installation(Settings.from_environment(os.environ))


@app.command("preview")
def segment_preview(
    name: SegmentName,
    as_of: AsOf = None,
    topic: Annotated[
        str | None, typer.Option("--topic", help="Of the mail. Default: the first marketing one.", metavar="TOPIC")
    ] = None,
    replay: Annotated[bool, typer.Option("--replay/--no-replay", help="What it would have done, by week.")] = True,
    daily: Annotated[bool, typer.Option("--daily", help="By day, for 90 days.")] = False,
    sql: Annotated[bool, typer.Option("--sql", help="Show the select too.")] = False,
) -> None:
    """Show who is in a segment, who may be mailed, and what it would have done.

    Shows also why the others may not be mailed, and which segments it overlaps.
    """
    now = present()
    found, points = _open().preview_segment(
        name, moment_or_now(as_of, now), now, topic, replay=replay, daily=daily
    )
    is_terminal = sys.stdout.isatty()
    text = previews.markdown(found, points, with_sql=sql and not is_terminal)
    if not is_terminal:
        results.print(text, end="", markup=False, highlight=False)
        return
    results.print(Markdown(text))
    if sql:  # as it is: Markdown would break its lines, and with them its texts
        results.print(previews.runnable(found), markup=False, highlight=False)


@app.command("request")
def segment_request(
    rules: Annotated[Path, typer.Argument(help="The rules file (YAML); - is stdin.", metavar="PATH")],
    by: By,
    note: Annotated[str | None, typer.Option("--note", help="What it is for.", metavar="TEXT")] = None,
) -> None:
    """Ask for a segment of rules. It runs when it is approved. A later version replaces one that waits."""
    _require_no_address(by, note or "")
    asked = _open().request_segment(_text_of(rules), by, present(), note)
    results.print(segments.sentence(asked.rules), highlight=False, markup=False)
    results.print(f"segment {asked.segment}, version {asked.version}: {asked.state}", highlight=False)


@app.command("requests")
def segment_requests(
    name: Annotated[str | None, typer.Argument(help="One segment. Default: all.", metavar="SEGMENT")] = None,
) -> None:
    """List what was asked for: versions, who asked, who decided and why."""
    columns = ["segment", "version", "state", "asked by", "at", "decided by", "at", "why"]
    rows: list[list[object]] = [
        [
            one.segment,
            one.version,
            one.state,
            one.requested_by,
            segments.instant_text(one.requested_at),
            one.decided_by or "",
            segments.instant_text(one.decided_at) if one.decided_at else "",
            one.reason or one.note or "",
        ]
        for one in _open().segment_requests(name)
    ]
    print_table("Requests of segments, the newest version first", columns, rows)


@app.command("approve")
def segment_approve(name: SegmentName, by: By, version: Version = None) -> None:
    """Approve the version that waits.

    It is computed from the next refresh on, and any campaign may use it.
    """
    _require_no_address(by)
    done = _open().decide_segment(name, by, present(), is_approved=True, version=version)
    results.print(f"segment {name}, version {done.version}, is approved by {by}", highlight=False)


@app.command("reject")
def segment_reject(
    name: SegmentName,
    by: By,
    because: Annotated[str, typer.Option("--because", help="Why, for who asked.", metavar="TEXT")],
    version: Version = None,
) -> None:
    """Reject the version that waits. What was approved before goes on."""
    _require_no_address(by, because)
    done = _open().decide_segment(name, by, present(), is_approved=False, reason=because, version=version)
    results.print(f"segment {name}, version {done.version}, is rejected by {by}", highlight=False)


@app.command("retire")
def segment_retire(
    name: SegmentName,
    by: By,
    because: Annotated[str, typer.Option("--because", help="Why, for those who look.", metavar="TEXT")],
    anyway: Annotated[bool, typer.Option("--anyway", help="Although campaigns or segments use it.")] = False,
) -> None:
    """Retire an approved segment, which is not computed any more.

    Refused while campaigns or other segments use it.
    """
    _require_no_address(by, because)
    left = _open().retire_segment(name, by, present(), because, anyway=anyway)
    results.print(f"segment {name} is retired; {left} members left it", highlight=False)


@app.command("export")
def segment_export(
    name: SegmentName,
    to: Annotated[Path | None, typer.Option("--to", help="Folder. Default: include/segments.", metavar="DIR")] = None,
) -> None:
    """Write an approved segment to a rules file for the repository. It reads as the same rules."""
    results.print(f"{_open().export_segment(name, to)}", highlight=False)


@app.command("audience")
def segment_audience(
    name: SegmentName,
    to: Annotated[Path, typer.Option("--to", help="Folder that the files are written to.", metavar="DIR")],
    by: By,
    network: Annotated[
        audiences.Network, typer.Option("--for", help="Whose spelling: trimmed and in lower case, or Google's.")
    ] = "plain",
    as_of: AsOf = None,
    topic: Annotated[str | None, typer.Option("--topic", help="Who left it is left out. Default: marketing.")] = None,
    parameter: Parameters = None,
) -> None:
    """Write hashes (SHA-256) of a segment's addresses for an advertising network.

    Writes also what changed since the last export. Only customers who may be mailed are in it. Three files: all, added,
    removed. Who exported what is kept.
    """
    _require_no_address(by)
    now = present()
    done = _open().export_audience(
        name, to, by, moment_or_now(as_of, now), now,
        parameters=parameters(parameter or []), network=network, topic=topic,
    )  # fmt: skip
    for path, count in zip(done.files, (done.addresses, done.added, done.removed), strict=True):
        results.print(f"{path}: {count:,} addresses", highlight=False)


@app.command("refresh")
def segment_refresh(
    as_of: AsOf = None,
) -> None:
    """Bring the members and sizes of every segment of rules up to date."""
    now = present()
    done, failed = _open().refresh_rules(moment_or_now(as_of, now), now)
    rows: list[list[object]] = [[name, one.members, one.entered, one.departed] for name, one in done.items()]
    print_table("Segments of rules", ["segment", "members", "entered", "departed"], rows)
    for error in failed:
        errors.print(str(error), style="red", markup=False, highlight=False)
    if failed:
        raise SegmentError(f"{len(failed)} segment(s) could not be computed; the others are up to date")


@app.command("schema")
def segment_schema() -> None:
    """Print the JSON Schema of a rules file, for editors and forms."""
    results.print_json(data=segments.rules_schema())


def _text_of(path: Path) -> str:
    if str(path) == "-":
        return sys.stdin.read()
    segments.read_rules(path)  # its errors name the file
    return path.read_text(encoding="utf-8-sig")


def _require_no_address(by: str, because: str = "") -> None:
    if "@" in by:
        raise typer.BadParameter("--by is kept for good and must not be an address: give a role or a login")
    if "@" in because:
        raise typer.BadParameter("this text is kept for good and must not have an address: leave it out")
