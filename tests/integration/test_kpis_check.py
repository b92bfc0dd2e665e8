"""What each roll-up wrote, and the check after it that costs what changed."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy.engine import Connection, Engine

import builders
from builders import NOON, rows
from lifecycle_mail.kpis import check, check_from, roll_up

DAY = timedelta(days=1)


def mail(connection: Connection, who: str, at: datetime) -> None:
    builders.customer(connection, who)
    enrollment = builders.enrollment(connection, "cart_abandoned", who, enrolled_at=at)
    builders.decision(connection, enrollment, "cart_abandoned", who, decided_at=at)
    message_id = builders.message(connection, enrollment, "cart_abandoned", who, planned_at=at)
    builders.insert(
        connection, "event.engagement", enrollment_id=enrollment, step="reminder", message_id=message_id,
        campaign="cart_abandoned", customer_id=who, delivered_at=at, batch_id=1,
    )  # fmt: skip
    builders.permission(connection, who, "confirmed", at)
    builders.order(connection, f"order-of-{who}", who, at + timedelta(hours=1))
    builders.insert(
        connection, "journey.occurrence", campaign="cart_abandoned", customer_id=who, occurrence="next",
        occurred_at=at, fate="waiting", reason="series_running", decided_at=at,
    )  # fmt: skip


def test_each_row_says_which_roll_up_wrote_it(warehouse: Engine) -> None:
    """`as_of` is `now` of the roll-up that last wrote the row. A roll-up leaves rows alone about which nothing changed,
    and a full one writes all of them."""
    tables = (
        "step_outcome", "campaign_daily", "order_credit", "campaign_revenue_daily", "list_movement", "step_daily",
        "series_daily", "waiting_daily",
    )  # fmt: skip
    with warehouse.begin() as connection:
        builders.campaign(connection)
        builders.epoch(connection)
        mail(connection, "ann", NOON)
    roll_up(warehouse, reporting_zone="UTC", now=NOON + DAY)
    with warehouse.begin() as connection:
        mail(connection, "bob", NOON + 2 * DAY)
    roll_up(warehouse, reporting_zone="UTC", now=NOON + 3 * DAY)

    def written(table: str) -> list[datetime]:
        with warehouse.connect() as connection:
            return [at for (at,) in rows(connection, f"select as_of from kpi.{table} order by day")]  # noqa: S608

    for table in tables:
        assert written(table) == [NOON + DAY, NOON + 3 * DAY], table
    with warehouse.connect() as connection:
        units = rows(connection, "select customer_id, as_of from kpi.arm_unit order by 1")
        assert units == [("ann", NOON + DAY), ("bob", NOON + 3 * DAY)]
        assert rows(connection, "select as_of from kpi.arm_count") == [(NOON + 3 * DAY,)]
    assert written("list_daily") == [NOON + DAY, NOON + DAY, NOON + 3 * DAY, NOON + 3 * DAY]
    with warehouse.connect() as connection:
        summary = rows(connection, "select as_of from kpi.campaign_summary where step is null")
    assert summary == [(NOON + 3 * DAY,)]
    roll_up(warehouse, reporting_zone="UTC", now=NOON + 4 * DAY, full=True)
    for table in written_tables(warehouse):
        with warehouse.connect() as connection:
            found = rows(connection, f"select distinct as_of from kpi.{table}")  # noqa: S608
        # A load that was taken in stays taken in.
        assert found == [(NOON + 4 * DAY,)] or table == "rolled_load", table


def written_tables(warehouse: Engine) -> set[str]:
    """The tables of schema kpi that say which roll-up wrote a row, and have rows."""
    with warehouse.connect() as connection:
        query = (
            "select table_name from information_schema.columns inner join information_schema.tables"
            " using (table_schema, table_name)"
            " where table_schema = 'kpi' and column_name = 'as_of' and table_type = 'BASE TABLE'"
        )
        tables = {table for (table,) in rows(connection, query)}
        return {table for table in tables if rows(connection, f"select 1 from kpi.{table} limit 1")}  # noqa: S608


def test_every_table_of_numbers_says_until_when_facts_counted(warehouse: Engine) -> None:
    """By the catalog: each table of schema kpi has `as_of`, never null. Queues that a roll-up empties have no moment,
    and the diary of roll-ups calls it rolled_up_at."""
    query = (
        "select table_name, bool_or(column_name = 'as_of' and is_nullable = 'NO' and"
        " data_type = 'timestamp with time zone') from information_schema.columns inner join information_schema.tables"
        " using (table_schema, table_name) where table_schema = 'kpi' and table_type = 'BASE TABLE' group by 1"
    )
    with warehouse.connect() as connection:
        without = {table for table, says in rows(connection, query) if not says}
    assert without == {"ahead", "list_change", "moved_fact", "waiting_change", "roll_up"}


def test_the_check_after_a_roll_up_reads_the_steps_of_the_days_it_wrote(warehouse: Engine) -> None:
    """Damage there is found at once. Damage to an older day, with the same totals, is found by the whole check."""
    with warehouse.begin() as connection:
        builders.campaign(connection)
        mail(connection, "ann", NOON)
    roll_up(warehouse, reporting_zone="UTC", now=NOON + DAY)
    with warehouse.begin() as connection:
        mail(connection, "bob", NOON + 2 * DAY)
    roll_up(warehouse, reporting_zone="UTC", now=NOON + 3 * DAY)
    assert check(warehouse) == check(warehouse, since=NOON + 3 * DAY) == []
    with warehouse.begin() as connection:
        connection.exec_driver_sql("update kpi.campaign_daily set day = day - 1 where day = '2026-03-02'")
    assert check(warehouse, since=NOON + 3 * DAY) == []
    assert [line.partition(":")[0] for line in check(warehouse)] == ["counted_steps", "step_states"]
    with warehouse.begin() as connection:
        connection.exec_driver_sql("update kpi.campaign_daily set day = day + 1 where day = '2026-03-04'")
    found, _ = check(warehouse, since=NOON + 3 * DAY)
    assert found.startswith("counted_steps: 1 row(s) break it, first 2026-03-05, ")


def test_the_first_check_of_a_day_is_a_whole_one(warehouse: Engine) -> None:
    """Later ones of that reporting day look from the last roll-up on."""
    assert check_from(warehouse, "UTC") is None
    for hours, zone, expected in (
        (0, "UTC", None), (1, "UTC", NOON + timedelta(hours=1)), (13, "UTC", None),
        (14, "UTC", NOON + timedelta(hours=14)), (14, "Asia/Tokyo", NOON + timedelta(hours=14)),
        (27, "Asia/Tokyo", None),
    ):  # fmt: skip
        roll_up(warehouse, reporting_zone=zone, now=NOON + timedelta(hours=hours))
        assert check_from(warehouse, zone) == expected, (hours, zone)
