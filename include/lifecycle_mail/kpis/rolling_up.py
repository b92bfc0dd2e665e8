"""Base facts → the KPI tables, at the price of what changed since the last time.

Last stop of the path. What changed is found by watermarks (decisions, ingest steps, loads of feeds), by the
steps whose message may still move, and by the customers noted for the list. Each step found is judged anew
from the base facts; the difference to what was stored is added to the counts. A full roll-up does the same
from empty tables, so both give the same numbers.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy.engine import Connection, Engine

from lifecycle_mail.concurrency import exclusive_lock
from lifecycle_mail.database import run, scalar
from lifecycle_mail.errors import RetentionRefused

logger = logging.getLogger(__name__)

FIRST_DAY, LAST_DAY = date(1, 1, 1), date(9999, 12, 31)


@dataclass(frozen=True)
class RollUpReport:
    """What one roll-up looked at: steps judged, customers' list membership, orders credited, full = 1."""

    outcomes: int
    customers: int
    orders: int
    full: int

    def counts(self) -> dict[str, int]:
        """Return the counts by name."""
        return asdict(self)


def roll_up(
    engine: Engine,
    *,
    reporting_zone: str,
    since: date | None = None,
    until: date | None = None,
    full: bool = False,
    now: datetime,
) -> RollUpReport:
    """Bring schema kpi up to date with everything committed before the call, in one transaction.

    Days are dates in `reporting_zone` (IANA); `now` (aware) is the last moment the list is carried to. With
    `since` or `until` the steps of those reporting days, both included, are judged again whether or not
    anything about them changed; `full` judges everything again from empty tables, as does a new zone.
    Roll-ups wait for each other.
    """
    with _snapshot(engine) as connection:
        progress = {row.name: row.value for row in run(connection, "kpis/progress")}
        full = full or progress.get("reporting_zone", reporting_zone) != reporting_zone
        outcomes = _judge(connection, reporting_zone, progress, full, _days(since, until))
        orders = _credit(connection, reporting_zone)
        _show(connection)
        today = now.astimezone(ZoneInfo(reporting_zone)).date()
        customers = _list(connection, reporting_zone, today, full)
        report = RollUpReport(outcomes, customers, orders, int(full))
        run(connection, "kpis/record_progress", reporting_zone=reporting_zone)
        run(connection, "kpis/record_loads")
        run(
            connection,
            "kpis/record_roll_up",
            now=now, is_full=full, outcomes=outcomes, customers=customers, orders=orders,
        )  # fmt: skip
    logger.info("rolled up: %s", report)
    return report


@contextmanager
def _snapshot(engine: Engine) -> Iterator[Connection]:
    """Yield a connection that sees one moment of the database, alone among roll-ups.

    The lock is held by another connection: waiting for it inside would freeze the view before the wait.
    """
    frozen = engine.execution_options(isolation_level="REPEATABLE READ")
    with exclusive_lock(engine, "kpis"), frozen.begin() as connection:
        yield connection


def _days(since: date | None, until: date | None) -> tuple[date | None, date | None]:
    if since is None and until is None:
        return None, None
    return since or FIRST_DAY, until or LAST_DAY


def _judge(
    connection: Connection,
    reporting_zone: str,
    progress: dict[str, str],
    full: bool,
    days: tuple[date | None, date | None],
) -> int:
    """Judge the steps that may have changed, and change the counts by the difference; return their number."""
    if full:
        _keep_retired(connection)
        run(connection, "kpis/forget_all")
    for name in ("create_fact", "analyze_fact", "create_touched"):
        run(connection, f"kpis/{name}")
    if full:
        run(connection, "kpis/touch_all")
        run(connection, "kpis/touch_retired")
    else:
        run(connection, "kpis/touch_decided")
        last_batch_id = int(progress.get("events", 0))
        run(connection, "kpis/touch_known", last_batch_id=last_batch_id, since=days[0], until=days[1])
    run(connection, "kpis/analyze_touched")
    outcomes = run(connection, "kpis/compute_outcomes", reporting_zone=reporting_zone).rowcount
    for name in (
        "analyze_outcomes", "create_delta", "create_recredited", "apply_campaign_daily", "apply_event_daily",
        "replace_outcomes",
    ):  # fmt: skip
        run(connection, f"kpis/{name}")
    return outcomes


def _keep_retired(connection: Connection) -> None:
    """Set aside the steps whose decisions retention has dropped; what they say is in kpi.step_outcome alone."""
    run(connection, "kpis/keep_retired")
    lost = scalar(connection, "kpis/count_lost")
    if lost > 0:
        raise RetentionRefused(
            f"a full roll-up would lose {lost} steps: their decisions are past retention and kpi.step_outcome does "
            "not hold them any more. Restore that table from a backup and roll up again"
        )


def _credit(connection: Connection, reporting_zone: str) -> int:
    """Credit the orders that changed, or whose mails changed, anew; return how many orders have a credit now."""
    orders = run(connection, "kpis/create_credit", reporting_zone=reporting_zone).rowcount
    for name in ("create_revenue_delta", "forget_credits", "insert_credits"):
        run(connection, f"kpis/{name}")
    return orders


def _show(connection: Connection) -> None:
    for by in ("campaign", "event"):
        for name in ("apply_{}_revenue", "prune_{}_revenue", "show_{}_revenue", "prune_{}_daily"):
            run(connection, f"kpis/{name.format(by)}")


def _list(connection: Connection, reporting_zone: str, today: date, full: bool) -> int:
    """Count who came to the list and left it; return how many customers were looked at."""
    run(connection, "kpis/create_listed")
    customers = run(connection, "kpis/take_list_all" if full else "kpis/take_list_changes").rowcount
    run(connection, "kpis/create_list_day")
    run(connection, "kpis/create_movement", reporting_zone=reporting_zone)
    for name in ("forget_movements", "insert_movements", "add_list_days", "count_list_days"):
        run(connection, f"kpis/{name}")
    run(connection, "kpis/fill_list_days", today=today)
    run(connection, "kpis/balance_list_days")
    return customers
