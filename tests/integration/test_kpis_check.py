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
    builders.message(connection, enrollment, "cart_abandoned", who, planned_at=at)
    builders.permission(connection, who, "confirmed", at)
    builders.order(connection, f"order-of-{who}", who, at + timedelta(hours=1))


def test_each_row_says_which_roll_up_wrote_it(warehouse: Engine) -> None:
    """`as_of` is `now` of the roll-up that last wrote the row. A roll-up leaves rows alone about which nothing changed,
    and a full one writes all of them."""
    tables = ("step_outcome", "campaign_daily", "order_credit", "campaign_revenue_daily", "list_movement")
    with warehouse.begin() as connection:
        builders.campaign(connection)
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
    assert written("list_daily") == [NOON + DAY, NOON + DAY, NOON + 3 * DAY, NOON + 3 * DAY]
    with warehouse.connect() as connection:
        summary = rows(connection, "select as_of from kpi.campaign_summary where step is null")
    assert summary == [(NOON + 3 * DAY,)]
    roll_up(warehouse, reporting_zone="UTC", now=NOON + 4 * DAY, full=True)
    for table in tables:
        assert set(written(table)) == {NOON + 4 * DAY}, table


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
    assert [line.partition(":")[0] for line in check(warehouse)] == ["counted_steps"]
    with warehouse.begin() as connection:
        connection.exec_driver_sql("update kpi.campaign_daily set day = day + 1 where day = '2026-03-04'")
    (found,) = check(warehouse, since=NOON + 3 * DAY)
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
