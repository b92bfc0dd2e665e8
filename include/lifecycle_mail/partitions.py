"""Upkeep beside the path: monthly partitions made before they are needed.

The stages make a missing month themselves; making it ahead means that no run has to wait for it.
"""

from __future__ import annotations

import datetime as dt

from sqlalchemy.engine import Engine

from lifecycle_mail.database import run


def ensure_months(engine: Engine, now: dt.datetime, months_ahead: int) -> list[str]:
    """Make the partitions of the month of `now` (UTC) and of the `months_ahead` that follow.

    Returns the names of all of them, as schema.table_yyyy_mm, sorted; those that were there already too.
    """
    with engine.begin() as connection:
        made = run(connection, "installation/ensure_months", now=now, months_ahead=months_ahead)
        return list(made.scalars())
