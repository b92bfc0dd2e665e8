"""Upkeep outside the path: make monthly partitions before they are needed, and drop them when their retention is over.

The stages make a missing month themselves. If it is there in advance, no run has to wait for it. Making and dropping
both need a short exclusive lock on the table. While such a request waits, every later user of the table waits behind
it. So each request gives up after a short time and is made again.
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
    """The lock was not available in time, or events came in before it was."""


@dataclass(frozen=True)
class RetentionReport:
    """`dropped`: partitions (schema.table_yyyy_mm), oldest first. `kept`: partition → why it and later months stay."""

    dropped: tuple[str, ...] = ()
    kept: Mapping[str, str] = field(default_factory=dict)

    def require_all(self) -> RetentionReport:
        """Return the report if nothing past its retention is left.

        Raises:
            RetentionRefused: what stays, and why.
        """
        if self.kept:
            told = "; ".join(f"{partition}: {reason} ({WHAT_TO_DO[reason]})" for partition, reason in self.kept.items())
            raise RetentionRefused(f"past its retention and not dropped: {told}")
        return self


WHAT_TO_DO = {
    "mail_in_doubt": "mails claimed or in doubt since then still wait for events: run events ingest, then deliver",
    "mail_not_written": "decisions of that time have no mail yet: run campaign plan",
    "not_rolled_up": "the KPI tables have not counted it: run kpis roll-up, and see the runbook if it stays",
    "busy": "other sessions held the table or wrote to it all the time: the next run tries again",
}


def retention_of(settings: Settings) -> dict[str, int]:
    """Return by table how many months are kept in addition to the present one; a table without a limit is left out."""
    given = {EVENTS: settings.event_retention_months, DECISIONS: settings.decision_retention_months}
    return {table: months for table, months in given.items() if months is not None}


def ensure_months(
    engine: Engine, now: dt.datetime, months_ahead: int, *, sleep: Callable[[float], None] = time.sleep
) -> list[str]:
    """Make the partitions of the month of `now` (UTC) and of the `months_ahead` after it.

    Returns the names of all of them as schema.table_yyyy_mm, sorted, including those that existed already.

    Raises:
        RetentionRefused: other sessions held the table all the time.
    """

    def make() -> list[str]:
        with _impatient(engine) as connection:
            made = run(connection, "installation/ensure_months", now=now, months_ahead=months_ahead)
            return list(made.scalars())

    try:
        return _patiently(make, sleep)
    except _Busy:
        raise RetentionRefused(f"the partitions of the months ahead were not made: {WHAT_TO_DO['busy']}") from None


def retire_months(
    engine: Engine,
    now: dt.datetime,
    keep_months: Mapping[str, int],
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> RetentionReport:
    """Drop the monthly partitions (UTC) that are past their retention, oldest first, each in one transaction.

    `keep_months`: by table (EVENTS, DECISIONS), the months kept in addition to that of `now`, at least 1. A month that
    is still needed stays, with its reason, and so do the months after it.
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
    """Return the first instant (UTC) of the month that lies `months` before that of `now`."""
    if months < 1:
        raise ValueError(f"months is {months}, but the month before the present one is never dropped: give at least 1")
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
            asked = None  # events came in since then, so the answer no longer holds
            raise _Busy
        return answer

    try:
        return _patiently(drop, sleep)
    except _Busy:
        return "busy"


class _Asked(NamedTuple):
    """Why a month stays (None = it may go), the last ingest step at that time, and the steps decided in the month."""

    reason: str | None
    latest_batch: int
    steps: int


def _ask(engine: Engine, table: str, month_start: dt.datetime) -> _Asked:
    """Ask without a lock whether a month may go: the answer can take as long as reading the month."""
    with engine.connect() as connection:
        asking = {"parent": table, "month_start": month_start}
        needed = run(connection, "installation/needed_because", **asking).one()
        is_counted = table == DECISIONS and needed.reason is None
        steps = scalar(connection, "installation/count_steps", month_start=month_start) if is_counted else 0
    return _Asked(needed.reason, needed.latest_batch, steps)


@contextmanager
def _impatient(engine: Engine) -> Iterator[Connection]:
    """Give one transaction that waits for a lock only briefly."""
    with engine.begin() as connection:
        run(connection, "installation/limit_lock_wait", milliseconds=LOCK_WAIT_MILLISECONDS)
        yield connection


def _patiently(act: Callable[[], T], sleep: Callable[[float], None]) -> T:
    """Act. Try again if the locks were not available, or if the situation changed before they were."""
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
