"""A campaign that has not planned for two periods of its schedule is named, whatever holds it up."""

from __future__ import annotations

import datetime as dt
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.engine import Engine

from builders import NOON, rows
from lifecycle_mail import delivery
from lifecycle_mail.campaigns import two_periods_after
from lifecycle_mail.errors import PlanningOverdue
from lifecycle_mail.pipeline import Installation, open_installation
from lifecycle_mail.settings import INCLUDE, Settings

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
HOURLY, DAILY = "cart_abandoned", "win_back"
BOTH = (HOURLY, DAILY)


@pytest.fixture
def shop(warehouse_url: str, tmp_path: Path) -> Installation:
    """An installation with one hourly campaign (at :00) and one daily (at 09:00)."""
    folder = tmp_path / "campaigns"
    folder.mkdir()
    for name in BOTH:
        shutil.copy(INCLUDE / "campaigns" / f"{name}.yaml", folder)
    text = (folder / f"{DAILY}.yaml").read_text()
    line = next(one for one in text.splitlines() if one.startswith("schedule:"))
    (folder / f"{DAILY}.yaml").write_text(text.replace(line, 'schedule: "0 9 * * *"'))
    return open_installation(Settings(database_url=warehouse_url, campaigns_dir=folder))


def look(shop: Installation, now: dt.datetime, *paused: str, known: tuple[str, ...] = BOTH) -> str:
    """What `report_overdue` says at `now`; empty if it is green."""
    try:
        shop.require_planned(now, paused, known)
    except PlanningOverdue as overdue:
        return str(overdue)
    return ""


def said(campaign: str, since: str, schedule: str) -> str:
    return (
        f"campaign {campaign} has not planned since {since} UTC, although its schedule is '{schedule}': look at "
        "the runs of its DAG, or pause the DAG to stop the campaign"
    )


def test_two_periods_without_a_planning_are_red(shop: Installation) -> None:
    """After the planning for 12:00 the one for 13:00 may be late until 14:00; from then on the campaign is named."""
    look(shop, NOON)
    shop.plan(HOURLY, NOON, NOON + MINUTE)
    assert look(shop, NOON + HOUR) == ""
    assert look(shop, NOON + 2 * HOUR - MINUTE) == ""
    assert look(shop, NOON + 2 * HOUR) == said(HOURLY, "2026-03-02 12:00", "0 * * * *")
    shop.plan(HOURLY, NOON + 2 * HOUR, NOON + 2 * HOUR + MINUTE)
    assert look(shop, NOON + 3 * HOUR) == ""


def test_an_old_period_planned_again_is_no_planning_in_time(shop: Installation) -> None:
    """A backfill at 14:30 of yesterday's period changes nothing: the hours since noon are not planned."""
    look(shop, NOON - HOUR)
    shop.plan(HOURLY, NOON, NOON)
    shop.plan(HOURLY, NOON - timedelta(days=1), NOON + 2.5 * HOUR)
    assert look(shop, NOON + 2.5 * HOUR) == said(HOURLY, "2026-03-02 12:00", "0 * * * *")


def test_a_campaign_that_never_planned_counts_from_when_it_was_seen(shop: Installation) -> None:
    """A new campaign is green until two ticks of its schedule have passed: hourly at 14:00, daily on the 4th."""
    assert look(shop, NOON) == ""
    assert look(shop, NOON + 2 * HOUR - MINUTE) == ""
    hourly = said(HOURLY, "2026-03-02 12:00", "0 * * * *")
    assert look(shop, NOON + 2 * HOUR) == hourly
    assert look(shop, dt.datetime(2026, 3, 4, 8, 59, tzinfo=dt.UTC)) == hourly
    daily = said(DAILY, "2026-03-02 12:00", "0 9 * * *")
    assert look(shop, dt.datetime(2026, 3, 4, 9, tzinfo=dt.UTC)) == f"{hourly}; {daily}"


def test_a_paused_campaign_is_not_red_and_begins_again(shop: Installation, warehouse: Engine) -> None:
    """A campaign that is paused for days, by its DAG or by an operator, is not named. Its two periods begin when it is
    unpaused."""
    days = NOON + timedelta(days=5)
    look(shop, NOON)
    assert look(shop, days, HOURLY, DAILY) == ""
    delivery.pause(warehouse, f"campaign:{DAILY}", "operator", NOON)
    assert look(shop, days + HOUR, HOURLY) == ""
    delivery.resume(warehouse, f"campaign:{DAILY}", days + HOUR)
    assert look(shop, days + 2 * HOUR) == ""
    assert look(shop, days + 3 * HOUR) == said(HOURLY, "2026-03-07 13:00", "0 * * * *")


def test_a_breaker_is_no_excuse(shop: Installation, warehouse: Engine) -> None:
    """A campaign whose breaker tripped goes on planning, so it is named like any other."""
    look(shop, NOON, known=(HOURLY,))
    delivery.pause(warehouse, f"campaign:{HOURLY}", "breaker", NOON)
    assert look(shop, NOON + 2 * HOUR, known=(HOURLY,)) == said(HOURLY, "2026-03-02 12:00", "0 * * * *")


def test_without_a_dag_or_a_readable_file_nothing_is_said(shop: Installation, warehouse: Engine) -> None:
    """A campaign that Airflow does not know is not watched; one whose file is broken is an import error already."""
    look(shop, NOON, known=(HOURLY,))
    with warehouse.connect() as connection:
        planning = "select campaign, counted_from, last_as_of, last_planned_at, begun_as_of from journey.planning"
        assert rows(connection, planning) == [(HOURLY, NOON, None, None, None)]
    (shop.settings.campaigns_dir / f"{HOURLY}.yaml").write_text("campaign: cart_abandoned\n")
    assert look(shop, NOON + 5 * HOUR, known=(HOURLY,)) == ""


@pytest.mark.parametrize(
    ("cron", "since", "second"),
    [
        ("0 * * * *", "2026-03-02T12:00+00:00", "2026-03-02T14:00+00:00"),
        ("0 * * * *", "2026-03-02T12:59+00:00", "2026-03-02T14:00+00:00"),
        ("0 9 * * 1-5", "2026-03-06T09:00+00:00", "2026-03-10T09:00+00:00"),  # Friday → Tuesday
        ("0 9 * * *", "2026-03-28T10:00+01:00", "2026-03-30T09:00+00:00"),  # UTC, whatever zone the argument has
        ("30 6 1 * *", "2026-01-01T06:30+00:00", "2026-03-01T06:30+00:00"),
    ],
)
def test_a_period_is_what_the_schedule_says(cron: str, since: str, second: str) -> None:
    """Two periods are two ticks of the cron expression, on weekdays, months and in UTC."""
    found = two_periods_after(cron, dt.datetime.fromisoformat(since))
    assert found == dt.datetime.fromisoformat(second)
    assert found.tzinfo is not None
