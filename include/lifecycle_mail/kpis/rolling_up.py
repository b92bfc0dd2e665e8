"""Base facts → the KPI tables, at the cost of what changed since the last time.

Last stage of the path. Changes are found by watermarks (decisions, ingest steps, loads of feeds), by the
steps whose message may still move, and by the customers recorded for the list. Each step found is judged again
from the base facts, and the difference to what was stored is added to the counts. A full roll-up does the same
from empty tables, so both give the same numbers. facts.sql alone says which facts are counted.

Facts that are dated later than the roll-up do not count in it. They are kept (kpi.ahead), so that the first roll-up
after their time counts them without another load.

Each statement fills or reads temporary tables kpi_*. They are analyzed, and end with the transaction.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.engine import Connection, Engine

from lifecycle_mail.concurrency import exclusive_lock
from lifecycle_mail.database import bigints, run, scalar
from lifecycle_mail.errors import RetentionRefused
from lifecycle_mail.kpis.experiments import count_units, write_results
from lifecycle_mail.kpis.facts import run_for_facts
from lifecycle_mail.kpis.goals import run_with_goals

logger = logging.getLogger(__name__)

FIRST_DAY, LAST_DAY = date(1, 1, 1), date(9999, 12, 31)
OF_STEPS = {"touched", "changed", "judged", "goal", "outcome"}  # temporary tables of steps: many rows, many columns


@dataclass(frozen=True)
class _Counting:
    """By what a roll-up counts: the zone of its days, the currency to convert revenue into ("" = none), its `now`."""

    zone: str
    currency: str
    now: datetime

    @property
    def today(self) -> date:
        return self.now.astimezone(ZoneInfo(self.zone)).date()

    def differs(self, progress: dict[str, str]) -> bool:
        """Whether what was counted so far was counted in another zone or currency."""
        if not progress:
            return False
        return self.zone != progress.get("reporting_zone") or self.currency != progress.get("reporting_currency", "")


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
    reporting_currency: str | None = None,
    since: date | None = None,
    until: date | None = None,
    full: bool = False,
    now: datetime,
) -> RollUpReport:
    """Bring schema kpi up to date with everything committed before the call, in one transaction.

    Days are dates in `reporting_zone` (IANA). Revenue is also given in `reporting_currency` (ISO 4217; None = only in
    the currencies of the orders). `now` (aware) is the last moment up to which the list is counted, and the `as_of` of
    every row that is written. With `since` or `until` the steps of those reporting days, both included, are judged
    again even if nothing about them changed. `full` judges everything again from empty tables, and so does a new zone
    or currency. Roll-ups wait for each other.
    """
    by = _Counting(reporting_zone, reporting_currency or "", now)
    with _snapshot(engine) as connection:
        progress = {row.name: row.value for row in run(connection, "kpis/progress")}
        full = full or by.differs(progress)
        if full:
            _forget(connection)
        load_ids = bigints(run(connection, "kpis/loads").scalars())
        come = _make(connection, "come", now=now)
        run(connection, "kpis/forget_come", now=now)
        _touch(connection, progress, full, load_ids, _days(since, until), now)
        outcomes = _judge(connection, by)
        orders = _count(connection, by, load_ids, come=come)
        _experiment(connection, progress, full, now)
        _wait(connection, by, full)
        customers = _list(connection, by, full)
        report = RollUpReport(outcomes, customers, orders, int(full))
        run(
            connection,
            "kpis/record_progress",
            reporting_zone=by.zone, reporting_currency=by.currency, as_of=now,
        )  # fmt: skip
        run(connection, "kpis/record_loads", as_of=now)
        run(
            connection,
            "kpis/record_roll_up",
            now=now, is_full=full, outcomes=outcomes, customers=customers, orders=orders,
        )  # fmt: skip
    logger.info("rolled up: %s", report)
    return report


@contextmanager
def _snapshot(engine: Engine) -> Iterator[Connection]:
    """Yield a connection that sees one moment of the database; no other roll-up runs meanwhile.

    Another connection holds the lock. If this one waited for it inside its transaction, it would see the database as it
    was before the wait.
    """
    frozen = engine.execution_options(isolation_level="REPEATABLE READ")
    with exclusive_lock(engine, "kpis"), frozen.begin() as connection:
        yield connection


def _days(since: date | None, until: date | None) -> tuple[date, date] | None:
    if since is None and until is None:
        return None
    return since or FIRST_DAY, until or LAST_DAY


def _forget(connection: Connection) -> None:
    """Begin again from empty tables."""
    _keep_retired(connection)
    run(connection, "kpis/keep_units")
    run(connection, "kpis/forget_all")


def _keep_retired(connection: Connection) -> None:
    """Set aside the steps whose decisions retention has dropped: only kpi.step_outcome still has their outcome."""
    run(connection, "kpis/keep_retired")
    lost = scalar(connection, "kpis/count_lost")
    if lost > 0:
        raise RetentionRefused(
            f"a full roll-up would lose {lost} steps: their decisions are past retention and kpi.step_outcome does "
            "not have them any more. Restore that table from a backup, then roll up again"
        )


def _touch(
    connection: Connection,
    progress: dict[str, str],
    full: bool,
    load_ids: str,
    days: tuple[date, date] | None,
    now: datetime,
) -> None:
    """Find the steps that may have changed: kpi_touched."""
    run(connection, "kpis/create_touched")
    run(connection, "kpis/create_changed")
    if full:
        run(connection, "kpis/touch_all")
        run(connection, "kpis/touch_retired")
        _name(connection, load_ids, now)
    else:
        with _probing(connection):
            campaigns = run(connection, "kpis/campaigns").all()
            for one in campaigns:
                later_than = int(progress.get(f"decisions:{one.campaign}", 0))
                run(connection, "kpis/touch_decided", campaign=one.campaign, later_than=later_than)
            counted_by = {one.campaign: progress.get(f"goal:{one.campaign}", one.goal) for one in campaigns}
            redefined = [one.campaign for one in campaigns if counted_by[one.campaign] != one.goal]
            _note(connection, int(progress.get("events", 0)), load_ids, redefined, days, now)
            run(connection, "kpis/touch_known")
    run(connection, "kpis/forget_moved")
    _analyze(connection, "touched")


def _note(
    connection: Connection,
    last_batch_id: int,
    load_ids: str,
    redefined: list[str],
    days: tuple[date, date] | None,
    now: datetime,
) -> None:
    """Record the steps about which something changed: kpi_changed."""
    run(connection, "kpis/note_moved")
    _make(connection, "arrived", load_ids=load_ids)
    _name(connection, load_ids, now, arrive=True)
    _analyze(connection, "arrived")
    run(connection, "kpis/note_engaged", last_batch_id=last_batch_id)
    run(connection, "kpis/note_come")
    run(connection, "kpis/note_reached")
    run(connection, "kpis/note_converted")
    if redefined:
        run(connection, "kpis/note_redefined", campaigns=redefined)
    if days:
        run(connection, "kpis/note_days", since=days[0], until=days[1])
    _analyze(connection, "changed")


def _name(connection: Connection, load_ids: str, now: datetime, *, arrive: bool = False) -> None:
    """Write for whom orders of carts count, before any step is judged: kpi.cart_order. With `arrive` those for whom it
    may have changed have a fact that came."""
    _make(connection, "named", load_ids=load_ids)
    if arrive:
        run(connection, "kpis/arrive_named")
    run(connection, "kpis/forget_cart_orders")
    run(connection, "kpis/insert_cart_orders", as_of=now)
    if arrive:
        run(connection, "kpis/arrive_named")


def _judge(connection: Connection, by: _Counting) -> int:
    """Judge the found steps from the base facts up to now: kpi_outcome; return their number."""
    with _probing(connection):
        _make(connection, "judged", now=by.now)
        run_with_goals(connection, "kpis/create_goal", now=by.now)
        _analyze(connection, "goal")
    run(connection, "kpis/keep_steps_ahead", now=by.now)
    return _make(connection, "outcome", reporting_zone=by.zone)


def _count(connection: Connection, by: _Counting, load_ids: str, *, come: int) -> int:
    """Add the difference to the counts and the revenue; return how many of the changed orders have a credit.

    `come` is how many facts there are whose time has come. The planner guesses too many for an empty table.
    """
    with _probing(connection):
        _make(connection, "delta")
        _make(connection, "recredited", load_ids=load_ids, reporting_currency=by.currency)
        if come:
            run(connection, "kpis/recredit_come", now=by.now)
        run(connection, "kpis/keep_orders_ahead", now=by.now)
        _make(connection, "series")
        for name in ("apply_campaign_daily", "apply_event_daily", "apply_step_daily", "replace_outcomes"):
            run_for_facts(connection, f"kpis/{name}", as_of=by.now)
        connection.exec_driver_sql("alter table kpi_series rename to kpi_series_before")
        _make(connection, "series")
        run(connection, "kpis/apply_series_daily", as_of=by.now)
        run(connection, "kpis/prune_series_daily")
        orders = _make(
            connection, "credit", reporting_zone=by.zone, reporting_currency=by.currency, now=by.now
        )
        _make(connection, "revenue_delta")
        run(connection, "kpis/forget_credits")
        run(connection, "kpis/insert_credits", as_of=by.now)
    for days in ("campaign", "event"):
        run(connection, f"kpis/apply_{days}_revenue", as_of=by.now)
        run(connection, f"kpis/prune_{days}_revenue")
        run_for_facts(connection, f"kpis/prune_{days}_daily")
    run(connection, "kpis/prune_step_daily")
    return orders


def _wait(connection: Connection, by: _Counting, full: bool) -> None:
    """Count the occurrences without a series of the days on which such began or ceased to wait."""
    _make(connection, "waiting_day", reporting_zone=by.zone, is_full=full)
    run(connection, "kpis/forget_waiting")
    with _probing(connection):
        run(connection, "kpis/count_waiting_days", reporting_zone=by.zone, as_of=by.now)


def _experiment(connection: Connection, progress: dict[str, str], full: bool, now: datetime) -> None:
    """Count the people who are compared, and compute the results."""
    run(connection, "kpis/note_experiments", now=now)
    with _probing(connection):
        count_units(connection, progress, full, now)
    write_results(connection, now)


def _make(connection: Connection, table: str, **parameters: Any) -> int:
    """Make the temporary table kpi_`table`, tell the planner its size, and return how many rows it has."""
    rows = run_for_facts(connection, f"kpis/create_{table}", **parameters).rowcount
    _analyze(connection, table)
    return rows


def _analyze(connection: Connection, table: str) -> None:
    """Tell the planner the size of kpi_`table`; for wide tables of steps, one column is enough."""
    columns = "(enrollment_id)" if table in OF_STEPS else ""
    connection.exec_driver_sql(f"analyze kpi_{table} {columns}")


@contextmanager
def _probing(connection: Connection) -> Iterator[None]:
    """Let the block's statements read the history through its indexes."""
    run(connection, "kpis/probe_plans")
    yield
    run(connection, "kpis/any_plans")


def _list(connection: Connection, by: _Counting, full: bool) -> int:
    """Count the customers who joined the list and who left it; return how many customers were looked at."""
    run(connection, "kpis/create_listed")
    customers = run(connection, "kpis/take_list_all" if full else "kpis/take_list_changes").rowcount
    customers += run(connection, "kpis/take_list_come").rowcount
    _analyze(connection, "listed")
    run(connection, "kpis/create_list_day")
    for table in ("person", "turn", "blocked", "standing"):
        _make(connection, table)
        if table == "turn":
            run(connection, "kpis/keep_turns_ahead", now=by.now)
    _make(connection, "movement", reporting_zone=by.zone)
    run(connection, "kpis/forget_movements")
    run(connection, "kpis/insert_movements", as_of=by.now)
    run(connection, "kpis/add_list_days")
    run(connection, "kpis/count_list_days", as_of=by.now)
    run(connection, "kpis/fill_list_days", today=by.today, as_of=by.now)
    run(connection, "kpis/balance_list_days", as_of=by.now)
    return customers


def rename_campaign(connection: Connection, former: str, present: str) -> None:
    """Give a campaign's numbers its present name, under which no series was begun. The caller holds the lock `kpis`."""
    run(connection, "kpis/forget_unused", campaign=present)
    run(connection, "kpis/rename_campaign", former=former, present=present)
