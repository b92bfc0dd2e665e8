"""Identities that the KPI tables must keep: each check_*.sql of include/sql/kpis returns the rows that break one.

The first comment of a file says what holds. A file that binds `:since` can be limited to what recent roll-ups wrote.
The others read tables of days, or the list of customers.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.engine import Connection, Engine

from lifecycle_mail.database import SQL_FOLDER, scalar
from lifecycle_mail.errors import KpiError
from lifecycle_mail.kpis.facts import for_facts

SHOWN_ROWS = 3
ALWAYS = "-infinity"


@dataclass(frozen=True)
class Identity:
    """One identity: its name, and what holds, in one sentence."""

    name: str
    holds: str


def identities() -> list[Identity]:
    """Return every identity, by name."""
    files = sorted((SQL_FOLDER / "kpis").glob("check_*.sql"))
    return [Identity(file.stem.removeprefix("check_"), _what_holds(file)) for file in files]


def _what_holds(file: Path) -> str:
    """Return the sentences of the header above its line `grain`."""
    lines = file.read_text(encoding="utf-8").splitlines()
    above = lines[: next(number for number, line in enumerate(lines) if line.startswith("-- grain:"))]
    return " ".join(line.removeprefix("-- ").strip() for line in above)


def check(engine: Engine, *, changed_only: bool = False) -> list[str]:
    """Return one line per identity that does not hold, with its first offending rows; empty = all hold.

    `changed_only` limits the identities that read every step to the days that the last roll-up wrote, so that it costs
    what changed. What was damaged elsewhere since then is found without it.
    """
    with engine.connect() as connection:
        since = scalar(connection, "kpis/last_roll_up") if changed_only else None
        found = [_broken(connection, one, since or ALWAYS) for one in identities()]
    return [line for line in found if line]


def require_identities(engine: Engine, *, changed_only: bool = False) -> int:
    """Return how many identities hold, which is all of them.

    Raises:
        KpiError: one line per identity that does not.
    """
    broken = check(engine, changed_only=changed_only)
    if broken:
        raise KpiError("\n".join(broken))
    return len(identities())


def _broken(connection: Connection, identity: Identity, since: dt.datetime | str) -> str | None:
    query = for_facts(f"kpis/check_{identity.name}")
    given = {"since": since} if "since" in query.compile().params else {}
    rows = connection.execute(query, given).all()
    if not rows:
        return None
    shown = "; ".join(", ".join(map(str, row)) for row in rows[:SHOWN_ROWS])
    return (
        f"{identity.name}: {len(rows)} rows break it, first {shown}. What should hold: {identity.holds} "
        "`kpis roll-up --full` computes the numbers again"
    )
