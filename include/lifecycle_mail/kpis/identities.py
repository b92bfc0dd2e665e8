"""Identities that the KPI tables must keep: each check_*.sql of include/sql/kpis returns the rows that break one.

The first comment of a file says what holds. A file that binds `:since` can be limited to the days that recent roll-ups
wrote. A line `-- when: in whole checks only` is for what cannot be limited and reads more than tables of days.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.engine import Connection, Engine

from lifecycle_mail.database import SQL_FOLDER, run
from lifecycle_mail.errors import KpiError
from lifecycle_mail.kpis.facts import for_facts

SHOWN_ROWS = 3
ALWAYS = "-infinity"
WHOLE = "-- when: in whole checks only"


@dataclass(frozen=True)
class Identity:
    """One identity: its name, what holds in words, and whether only a whole check looks at it."""

    name: str
    holds: str
    is_of_whole_checks: bool


def identities() -> list[Identity]:
    """Return every identity, by name."""
    return [_identity(file) for file in sorted((SQL_FOLDER / "kpis").glob("check_*.sql"))]


def _identity(file: Path) -> Identity:
    text = file.read_text(encoding="utf-8")
    above = text[: text.index("-- grain:")].splitlines()
    holds = " ".join(line.removeprefix("-- ").strip() for line in above)
    return Identity(file.stem.removeprefix("check_"), holds, WHOLE in text)


def check(engine: Engine, *, since: dt.datetime | None = None) -> list[str]:
    """Return one line per identity that does not hold, with its first offending rows; empty = all hold.

    With `since` (aware) the check costs what changed: it reads the steps of the days that roll-ups with this `now` or a
    later one wrote, and leaves out what reads every customer.
    """
    with engine.connect() as connection:
        found = [
            _broken(connection, one, since or ALWAYS)
            for one in identities()
            if since is None or not one.is_of_whole_checks
        ]
    return [line for line in found if line]


def require_identities(engine: Engine, *, since: dt.datetime | None = None) -> None:
    """Do nothing if every identity holds, otherwise raise KpiError with one line per identity that does not."""
    broken = check(engine, since=since)
    if broken:
        raise KpiError("\n".join(broken))


def check_from(engine: Engine, reporting_zone: str) -> dt.datetime | None:
    """Return since when the check after the last roll-up has to look: its `now`; None = the check is a whole one.

    The check after the first roll-up of a reporting day is a whole one, so that damage to older days is found in a day.
    """
    with engine.connect() as connection:
        last = run(connection, "kpis/last_roll_up", reporting_zone=reporting_zone).one_or_none()
    return None if last is None or last.is_first_of_day else last.rolled_up_at


def _broken(connection: Connection, identity: Identity, since: dt.datetime | str) -> str | None:
    query = for_facts(f"kpis/check_{identity.name}")
    given = {"since": since} if "since" in query.compile().params else {}
    rows = connection.execute(query, given).all()
    if not rows:
        return None
    shown = "; ".join(", ".join(map(str, row)) for row in rows[:SHOWN_ROWS])
    return (
        f"{identity.name}: {len(rows)} row(s) break it, first {shown}. What should hold: {identity.holds} "
        "`kpis roll-up --full` computes the numbers again"
    )
