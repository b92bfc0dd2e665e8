"""The future is refused: by every command that takes a moment, and by the library, before anything is written."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from builders import NOON, insert, load, rows
from commands import Command
from lifecycle_mail.errors import FutureRefused
from lifecycle_mail.moments import CLOCK_SKEW
from lifecycle_mail.pipeline import Installation, open_installation
from lifecycle_mail.settings import Settings
from planning import members

NEXT_YEAR = NOON + timedelta(days=365)
LINE = (
    "--as-of 2027-03-02 12:00:00 UTC is in the future (it is 2026-03-02 12:00:00 UTC, and 5 minutes of difference "
    "between clocks are allowed): nothing was done; give a time that has passed\n"
)


@pytest.fixture
def command(command: Command) -> Command:
    """The command line at noon of 2 March 2026."""
    return command.at(NOON)


@pytest.fixture
def shop(warehouse: Engine, warehouse_url: str) -> Installation:
    """An installation with a customer whose cart the campaign `cart_abandoned` would write about at noon."""
    with warehouse.begin() as connection:
        loaded = load(connection)
        insert(
            connection, "source.cart", cart_id="cart-1", customer_id="ann", created_at=NOON, status="open",
            updated_at=NOON - timedelta(hours=2), load_id=loaded,
        )  # fmt: skip
        insert(
            connection, "source.cart_line", cart_id="cart-1", product_id="p1", quantity=2, unit_price=1.5,
            load_id=loaded,
        )  # fmt: skip
    members(warehouse, "ann")
    return open_installation(Settings(database_url=warehouse_url))


def contents(warehouse: Engine) -> dict[str, list[str]]:
    """Every row of every table of the warehouse, as text."""
    tables = (
        "select format('%I.%I', schemaname, tablename) from pg_tables"
        " where schemaname not in ('pg_catalog', 'information_schema')"
    )
    with warehouse.connect() as connection:
        return {
            table: sorted(connection.execute(sa.text(f"select one::text from {table} as one")).scalars())  # noqa: S608
            for (table,) in rows(connection, tables)
        }


@pytest.mark.parametrize(
    "arguments",
    [
        ("campaign", "plan", "cart_abandoned"),
        ("campaign", "plan", "cart_abandoned", "--dry-run"),
        ("segment", "members", "cart_abandoned"),
        ("segment", "size", "cart_abandoned"),
    ],
)
def test_a_mistyped_year_is_one_line_and_writes_nothing(
    command: Command, shop: Installation, warehouse: Engine, arguments: tuple[str, ...]
) -> None:
    """Each command with --as-of ends with status 1 and one line; the warehouse is row for row as before."""
    before = contents(warehouse)
    assert command(*arguments, "--as-of", "2027-03-02T12:00:00Z") == (1, "", LINE)
    assert contents(warehouse) == before
    assert before["journey.enrollment"] == before["message.message"] == before["journey.campaign"] == []


@pytest.mark.parametrize(
    ("minutes", "seconds", "status"), [(4, 0, 0), (5, 0, 0), (5, 1, 1), (6, 0, 1)]
)
def test_clocks_may_differ_by_five_minutes(
    command: Command, shop: Installation, minutes: int, seconds: int, status: int
) -> None:
    """Up to five minutes ahead is another machine's clock, and is planned; a second more is the future."""
    ahead = NOON + timedelta(minutes=minutes, seconds=seconds)
    assert command("campaign", "plan", "cart_abandoned", "--as-of", ahead.isoformat())[0] == status
    assert command("segment", "size", "cart_abandoned", "--as-of", ahead.isoformat())[0] == status


def test_time_can_be_simulated_outside_live(command: Command, shop: Installation, warehouse: Engine) -> None:
    """--now says what the present is: a plan may reach up to five minutes beyond it, in whatever year."""
    tomorrow = "2026-03-03T12:00:00Z"
    plan = ("campaign", "plan", "cart_abandoned")
    status, _, err = command(*plan, "--as-of", tomorrow, "--now", "2026-03-03T11:54:00Z")
    assert (status, err) == (
        1,
        "--as-of 2026-03-03 12:00:00 UTC is in the future (it is 2026-03-03 11:54:00 UTC, and 5 minutes of difference "
        "between clocks are allowed): nothing was done; give a time that has passed\n",
    )
    assert command(*plan, "--as-of", tomorrow, "--now", "2026-03-03T11:56:00Z")[0] == 0
    with warehouse.connect() as connection:
        assert rows(connection, "select customer_id, enrolled_at from journey.enrollment") == [
            ("ann", NOON + timedelta(days=1))
        ]


def test_live_goes_by_the_clock(
    command: Command, shop: Installation, warehouse: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Live mode accepts neither --now nor a future --as-of, and a run's lateness counts from the clock."""
    command.with_settings(LIFECYCLE_MODE="live", LIFECYCLE_DEFAULT_ZONE="UTC")
    plan = ("campaign", "plan", "cart_abandoned", "--as-of")
    before = contents(warehouse)
    refused = "--now is refused in live mode, where plans use the real clock: leave it out\n"
    assert command(*plan, "2026-03-02T12:00:00Z", "--now", "2026-03-02T12:00:00Z") == (1, "", refused)
    assert command(*plan, "2027-03-02T12:00:00Z") == (1, "", LINE)
    assert contents(warehouse) == before
    command.at(NOON + timedelta(hours=30))
    status, out, _ = command(*plan, "2026-03-02T12:00:00Z")
    assert (status, "the run for 2026-03-02 12:00:00 UTC is 30 hours old" in out) == (0, True)
    command.at(NOON + timedelta(hours=5))
    assert command(*plan, "2026-03-02T12:00:00Z")[0] == 0
    with warehouse.connect() as connection:
        decided = rows(connection, "select decided_at, step, outcome, reason from decision.decision")
        noted = rows(connection, "select campaign, last_as_of, last_planned_at from journey.planning")
    assert decided == [(NOON + timedelta(hours=5), "reminder", "send", "eligible")]
    assert noted == [("cart_abandoned", NOON, NOON + timedelta(hours=5))]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--to", "2026-03-03"), "the last day 2026-03-03"),
        (("--from", "2026-03-03"), "the first day 2026-03-03"),
        (("--from", "2026-03-01", "--to", "2027-03-01"), "the last day 2027-03-01"),
    ],
)
def test_a_roll_up_of_days_to_come_is_refused(
    command: Command, warehouse: Engine, arguments: tuple[str, ...], said: str
) -> None:
    """A reporting day that has not begun is refused with the day named; nothing is rolled up."""
    before = contents(warehouse)
    line = f"{said} is in the future (today is 2026-03-02 in UTC): nothing was done; give a day up to today\n"
    assert command("kpis", "roll-up", *arguments) == (1, "", line)
    assert contents(warehouse) == before
    assert command("kpis", "roll-up", "--from", "2026-03-02", "--to", "2026-03-02")[0] == 0


def test_today_is_the_reporting_zones_day(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the shop reports by Auckland's days, its 3 March has begun at noon UTC of the 2nd."""
    monkeypatch.setenv("LIFECYCLE_REPORTING_ZONE", "Pacific/Auckland")
    assert command("kpis", "roll-up", "--to", "2026-03-03")[0] == 0
    assert command("kpis", "roll-up", "--to", "2026-03-04")[0] == 1


def steps_of_planning(shop: Installation) -> dict[str, Callable[[dt.datetime], object]]:
    """Every way into planning that the library has, by name; each takes the as_of."""
    name = "cart_abandoned"
    return {
        "refresh_segment": lambda as_of: shop.refresh_segment(name, as_of, NOON),
        "enroll": lambda as_of: shop.enroll(name, as_of, NOON),
        "advance": lambda as_of: shop.advance(name, as_of, NOON),
        "decide": lambda as_of: shop.decide(name, as_of, NOON),
        "write_messages": lambda as_of: shop.write_messages(name, as_of, NOON),
        "plan": lambda as_of: shop.plan(name, as_of, NOON),
    }


@pytest.mark.parametrize("step", ["refresh_segment", "enroll", "advance", "decide", "write_messages", "plan"])
def test_no_step_of_the_library_plans_the_future(shop: Installation, warehouse: Engine, step: str) -> None:
    """Whichever program calls the library, an as_of later than now and the skew raises before anything is written."""
    before, run = contents(warehouse), steps_of_planning(shop)[step]
    said = r"^campaign cart_abandoned: the as_of 2027-03-02 12:00:00 UTC is in the future \(it is 2026-03-02 12:00:00 "
    with pytest.raises(FutureRefused, match=said):
        run(NEXT_YEAR)
    with pytest.raises(FutureRefused):
        run(NOON + CLOCK_SKEW + timedelta(seconds=1))
    assert contents(warehouse) == before
    run(NOON + CLOCK_SKEW)


def test_a_delivery_may_be_simulated_and_live_goes_by_the_clock(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`deliver --now` of next year shows what would go then; live refuses it, as it refuses any --now."""
    assert command("deliver", "--now", "2027-03-02T12:00:00Z")[0] == 0
    monkeypatch.setenv("LIFECYCLE_MODE", "live")
    line = "--now is refused in live mode, where {} use the real clock: leave it out\n"
    assert command("deliver", "--now", "2027-03-02T12:00:00Z") == (1, "", line.format("mails"))
    sync = ("suppressions", "sync", "--now", "2027-03-02T12:00:00Z")
    assert command(*sync) == (1, "", line.format("suppressions"))
