"""Argument types that the commands share: moments with an offset, dates, parameters."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import typer

from lifecycle_mail.moments import require_not_future

AsOf = Annotated[
    str | None,
    typer.Option(
        "--as-of",
        help="The moment to work for, ISO 8601 with offset, not in the future. Default: now.",
        metavar="TS",
    ),
]
Parameters = Annotated[
    list[str] | None,
    typer.Option("-p", help="A parameter of the segment, key=value; may repeat.", metavar="KEY=VALUE"),
]
SegmentName = Annotated[str, typer.Argument(help="A segment, or the path of a rules file.", metavar="SEGMENT")]


def moment(text: str) -> dt.datetime:
    """Read an ISO 8601 moment with an offset, such as 2026-03-05T12:00:00Z."""
    try:
        value = dt.datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"'{text}' is not an ISO 8601 time: write 2026-03-05T12:00:00Z") from None
    if value.tzinfo is None:
        raise typer.BadParameter(f"'{text}' has no offset: add Z for UTC, or +02:00")
    return value.astimezone(dt.UTC)


def past_moment(text: str, now: dt.datetime) -> dt.datetime:
    """Read a moment as above, not later than `now` (FutureRefused otherwise)."""
    value = moment(text)
    require_not_future(value, now, "--as-of")
    return value


def moment_or_now(text: str | None, now: dt.datetime) -> dt.datetime:
    """Read the --as-of of a command: a moment that is past, or `now` if none is given."""
    return now if text is None else past_moment(text, now)


def day(text: str) -> dt.date:
    """Read an ISO 8601 date."""
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"'{text}' is not a date: write 2026-03-05") from None


def parameters(pairs: list[str]) -> dict[str, str]:
    """Read key=value pairs."""
    found: dict[str, str] = {}
    for pair in pairs:
        key, separator, value = pair.partition("=")
        if not separator or not key:
            raise typer.BadParameter(f"'{pair}' is not a parameter: write key=value, such as days=30")
        found[key.strip()] = value.strip()
    return found


def present() -> dt.datetime:
    """Return the present moment: the command line is one of the two places that read a clock."""
    return dt.datetime.now(dt.UTC)
