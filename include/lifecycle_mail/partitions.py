"""Upkeep beside the path: monthly partitions made before they are needed, and dropped when kept long enough.

The stages make a missing month themselves; making it ahead means that no run has to wait for it. Both ends of
the upkeep need a short exclusive lock on the table. It is asked for with a short patience and asked for again,
since everybody who comes after it waits as long as it does.
"""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from psycopg2.errors import DeadlockDetected, LockNotAvailable
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import OperationalError

from lifecycle_mail.database import run, scalar
from lifecycle_mail.errors import RetentionRefused
from lifecycle_mail.settings import Settings

logger = logging.getLogger(__name__)

EVENTS, DECISIONS = "event.event", "decision.decision"
LOCK_WAIT_MILLISECONDS = 500
TRIES = 20
PAUSE_SECONDS = 3.0

T = TypeVar("T")


class _Busy(Exception):
    """The lock was not to be had, or events came in before it was."""


@dataclass(frozen=True)
class RetentionReport:
    """Partitions dropped (schema.table_yyyy_mm), oldest first; partition → why it, and what follows it, stays."""

    dropped: tuple[str, ...] = ()
    kept: Mapping[str, str] = field(default_factory=dict)

    def require_all(self) -> RetentionReport:
        """Return the report where nothing past its retention is left.

        Raises:
            RetentionRefused: what stays, and why.
        """
        if self.kept:
            told = "; ".join(f"{partition}: {reason} ({WHAT_TO_DO[reason]})" for partition, reason in self.kept.items())
            raise RetentionRefused(f"past its retention and not dropped: {told}")
        return self


WHAT_TO_DO = {
    "mail_in_doubt": "mails claimed or in doubt since then wait for events: ingest and deliver settle them",
    "mail_not_written": "decisions without their mail: run campaign plan",
    "not_rolled_up": "the KPI tables have not counted it: run kpis roll-up (if it stays, the runbook knows why)",
    "busy": "others held the table, or wrote to it, all the time: the next run tries again",
}


def retention_of(settings: Settings) -> dict[str, int]:
    """Return months to keep beside the present one, by table; a table that is kept for ever is not in it."""
    given = {EVENTS: settings.event_retention_months, DECISIONS: settings.decision_retention_months}
    return {table: months for table, months in given.items() if months is not None}


def ensure_months(
    engine: Engine, now: dt.datetime, months_ahead: int, *, sleep: Callable[[float], None] = time.sleep
) -> list[str]:
    """Make the partitions of the month of `now` (UTC) and of the `months_ahead` that follow.

    Returns the names of all of them, as schema.table_yyyy_mm, sorted; those that were there already too.

    Raises:
        RetentionRefused: others held the table all the time.
    """

    def make() -> list[str]:
        with _impatient(engine) as connection:
            made = run(connection, "installation/ensure_months", now=now, months_ahead=months_ahead)
            return list(made.scalars())

    try:
        return _patiently(make, sleep)
    except _Busy:
        raise RetentionRefused(f"could not make the months ahead: {WHAT_TO_DO['busy']}") from None


def retire_months(
    engine: Engine,
    now: dt.datetime,
    keep_months: Mapping[str, int],
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> RetentionReport:
    """Drop the monthly partitions (UTC) that are past their retention, oldest first, each in one transaction.

    `keep_months`: months kept beside that of `now`, at least 1, by table (EVENTS, DECISIONS). A month that
    something still needs stays, with its reason, and so do the ones after it.
    """
    dropped: list[str] = []
    kept: dict[str, str] = {}
    for table, months in keep_months.items():
        before = _month_back(now, months)
        with engine.connect() as connection:
            reading = {"parent": table, "before": before}
            past = list(run(connection, "installation/months_past", **reading).scalars())
        for month_start in past:
            name = f"{table}_{month_start:%Y_%m}"
            if reason := _retire(engine, table, month_start, now, sleep):
                kept[name] = reason
                break
            dropped.append(name)
            logger.info("dropped %s: past its retention of %d months", name, months)
    return RetentionReport(tuple(dropped), kept)


def _month_back(now: dt.datetime, months: int) -> dt.datetime:
    """Return the first instant (UTC) of the month `months` before that of `now`."""
    if months < 1:
        raise ValueError(f"{months} months: the month before the present one is never dropped")
    at = now.astimezone(dt.UTC)
    years, month = divmod(at.year * 12 + at.month - 1 - months, 12)
    return dt.datetime(years, month + 1, 1, tzinfo=dt.UTC)


def _retire(
    engine: Engine, table: str, month_start: dt.datetime, now: dt.datetime, sleep: Callable[[float], None]
) -> str | None:
    """Drop one month; return why it stays, or None."""
    asked: _Asked | None = None

    def drop() -> str | None:
        nonlocal asked
        asked = asked or _ask(engine, table, month_start)
        if asked.reason is not None:
            return asked.reason
        dropping = {"parent": table, "month_start": month_start, "steps": asked.steps, "now": now}
        with _impatient(engine) as connection:
            answer: str | None = scalar(
                connection, "installation/drop_month", latest_batch=asked.latest_batch, **dropping
            )
        if answer == "busy":
            asked = None  # events came in since: the answer is of no use any more
            raise _Busy
        return answer

    try:
        return _patiently(drop, sleep)
    except _Busy:
        return "busy"


class _Asked(NamedTuple):
    """Why a month stays (None = it may go), the last step of an ingest by then, and steps decided in the month."""

    reason: str | None
    latest_batch: int
    steps: int


def _ask(engine: Engine, table: str, month_start: dt.datetime) -> _Asked:
    """Ask whether a month may go, without a lock: that can take as long as reading the month."""
    with engine.connect() as connection:
        asking = {"parent": table, "month_start": month_start}
        needed = run(connection, "installation/needed_because", **asking).one()
        is_counted = table == DECISIONS and needed.reason is None
        steps = scalar(connection, "installation/count_steps", month_start=month_start) if is_counted else 0
    return _Asked(needed.reason, needed.latest_batch, steps)


@contextmanager
def _impatient(engine: Engine) -> Iterator[Connection]:
    """Give one transaction that waits for locks only briefly."""
    with engine.begin() as connection:
        run(connection, "installation/limit_lock_wait", milliseconds=LOCK_WAIT_MILLISECONDS)
        yield connection


def _patiently(act: Callable[[], T], sleep: Callable[[float], None]) -> T:
    """Act; try again when the locks are not to be had, or not for what was known before."""
    for attempt in range(TRIES):
        try:
            return act()
        except _Busy:
            pass
        except OperationalError as error:
            if not isinstance(error.orig, LockNotAvailable | DeadlockDetected):
                raise
        if attempt + 1 < TRIES:
            sleep(PAUSE_SECONDS)
    raise _Busy
