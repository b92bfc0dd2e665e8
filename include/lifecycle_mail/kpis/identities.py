"""Identities that the KPI tables must keep: each is a query that returns the rows that break it."""

from __future__ import annotations

from sqlalchemy.engine import Engine

from lifecycle_mail.database import SQL_FOLDER
from lifecycle_mail.kpis.facts import run_for_facts

SHOWN_ROWS = 5


def check(engine: Engine) -> list[str]:
    """Return one line for every identity that does not hold, with its first offending rows; empty = all hold."""
    problems = []
    with engine.connect() as connection:
        for file in sorted((SQL_FOLDER / "kpis").glob("check_*.sql")):
            rows = run_for_facts(connection, f"kpis/{file.stem}").all()
            if rows:
                shown = "; ".join(", ".join(map(str, row)) for row in rows[:SHOWN_ROWS])
                problems.append(f"{file.stem.removeprefix('check_')}: {len(rows)} rows, first {shown}")
    return problems
