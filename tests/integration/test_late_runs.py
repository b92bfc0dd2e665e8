"""A late run (a backfill, a cleared task, a mistyped past --as-of) uses nothing up: the runs in time go on as if it had
never been."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from builders import customer, insert, load, rows
from commands import Command
from lifecycle_mail import decisions, journeys, messages, segments
from lifecycle_mail.campaigns import period_at
from lifecycle_mail.errors import FutureRefused
from lifecycle_mail.pipeline import Installation, open_installation
from lifecycle_mail.settings import INCLUDE, Settings

HOUR, DAY, SECOND = timedelta(hours=1), timedelta(days=1), timedelta(seconds=1)
CART = "cart_abandoned"
NINTH = dt.datetime(2026, 6, 9, 15, tzinfo=dt.UTC)
TENTH = dt.datetime(2026, 6, 10, 12, tzinfo=dt.UTC)
LEDGER = (
    "segment.membership", "segment.refresh", "journey.campaign", "journey.enrollment", "journey.step_due",
    "journey.upcoming", "journey.planning", "decision.decision", "decision.progress", "message.message",
    "message.progress", "message.shell",
)  # fmt: skip


@pytest.fixture
def settings(tmp_path: Path, warehouse_url: str) -> Settings:
    """Settings with the cart campaign, without its holdout and its window."""
    folder = tmp_path / "campaigns"
    folder.mkdir()
    text = (INCLUDE / "campaigns" / f"{CART}.yaml").read_text()
    text = text.replace("holdout: 0.05", "holdout: 0")
    window = next(line for line in text.splitlines() if line.startswith("send_window:"))
    (folder / f"{CART}.yaml").write_text(text.replace(f"{window}\n", ""))
    return Settings(database_url=warehouse_url, campaigns_dir=folder)


@pytest.fixture
def shop(warehouse: Engine, settings: Settings) -> Installation:
    """An installation in which ann left a cart on 9 June at 13:00."""
    left_a_cart(warehouse, "ann", NINTH - 2 * HOUR)
    return open_installation(settings)


@pytest.fixture
def command(command: Command, settings: Settings) -> Command:
    """The command line on 10 June at noon, with the cart campaign alone."""
    return command.at(TENTH).with_settings(LIFECYCLE_CAMPAIGNS_DIR=str(settings.campaigns_dir))


def left_a_cart(warehouse: Engine, who: str, at: dt.datetime) -> None:
    """A customer whose open cart was last changed at `at`."""
    with warehouse.begin() as connection:
        loaded = load(connection)
        customer(connection, who, timezone="UTC", load_id=loaded)
        insert(
            connection, "source.cart", cart_id=f"cart-{who}", customer_id=who, created_at=at, status="open",
            updated_at=at, load_id=loaded,
        )  # fmt: skip
        insert(
            connection, "source.cart_line", cart_id=f"cart-{who}", product_id="p1", quantity=2, unit_price=1.5,
            load_id=loaded,
        )  # fmt: skip


def ledger(warehouse: Engine) -> dict[str, list[str]]:
    """Every row of the tables that planning writes, as text."""
    with warehouse.connect() as connection:
        return {
            table: sorted(connection.execute(sa.text(f"select one::text from {table} as one")).scalars())  # noqa: S608
            for table in LEDGER
        }


def planned(warehouse: Engine) -> list[tuple[Any, ...]]:
    """(customer, enrolled at, step, outcome, reason) of every decision."""
    with warehouse.connect() as connection:
        return rows(
            connection,
            "select e.customer_id, e.enrolled_at, d.step, d.outcome, d.reason from decision.decision as d"
            " inner join journey.enrollment as e on d.enrollment_id = e.enrollment_id order by 1, 2, 3",
        )


def test_an_old_period_is_one_line_and_leaves_the_regular_run_everything(
    command: Command, shop: Installation, warehouse: Engine
) -> None:
    """Planned on 10 June at noon for 9 June 15:00, the command says what it would have planned and plans nothing.

    The regular run then enrolls and mails as if it had been the first.
    """
    before = ledger(warehouse)
    plan = ("campaign", "plan", CART, "--now", TENTH.isoformat(), "--as-of")
    status, out, err = command(*plan, NINTH.isoformat())
    assert (status, err) == (0, "")
    assert out.splitlines()[-1] == (
        "late: campaign cart_abandoned: the run for 2026-06-09 15:00:00 UTC is 21 hours old, and late after 6 hours: "
        "it enrolls no customer, decides no step and plans no mail; in time it would have enrolled 1 customers, "
        "decided 1 steps and planned 1 mails"
    )
    assert ledger(warehouse) == before
    status, out, err = command(*plan, TENTH.isoformat())
    assert (status, err) == (0, "")
    assert "late" not in out
    assert planned(warehouse) == [("ann", TENTH, "reminder", "send", "eligible")]


def test_live_goes_by_the_clock(
    command: Command, shop: Installation, warehouse: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In live the clock says how old a run is; outside live a run without --now is in time."""
    plan = ("campaign", "plan", CART, "--as-of", NINTH.isoformat())
    command.with_settings(LIFECYCLE_MODE="live", LIFECYCLE_DEFAULT_ZONE="UTC")
    status, out, _ = command(*plan)
    assert (status, "late: campaign cart_abandoned" in out) == (0, True)
    assert planned(warehouse) == []
    monkeypatch.delenv("LIFECYCLE_MODE")
    assert "late:" not in command(*plan)[1]
    assert planned(warehouse) == [("ann", NINTH, "reminder", "send", "eligible")]


def test_a_dry_run_says_that_it_is_late(command: Command, shop: Installation, warehouse: Engine) -> None:
    """--dry-run of an old period prints the same line, and keeps nothing, here too."""
    before = ledger(warehouse)
    plan = ("campaign", "plan", CART, "--now", TENTH.isoformat(), "--as-of", NINTH.isoformat())
    lines = [command(*plan, *extra)[1].splitlines()[-1] for extra in (("--dry-run",), ())]
    assert lines[0] == lines[1]
    assert lines[0].startswith("late: campaign cart_abandoned: the run for 2026-06-09 15:00:00 UTC")
    assert ledger(warehouse) == before


@pytest.mark.parametrize(
    ("cron", "lateness", "age", "late"),
    [
        ("0 * * * *", 6, 6 * HOUR, False),
        ("0 * * * *", 6, 6 * HOUR + SECOND, True),
        ("0 * * * *", 0.5, HOUR, False),  # one period, which is longer
        ("0 * * * *", 0.5, HOUR + SECOND, True),
        ("0 15 * * *", 6, DAY, False),
        ("0 15 * * *", 6, DAY + SECOND, True),
        ("0 15 * * *", 30, 30 * HOUR, False),
        ("0 15 * * *", 30, 30 * HOUR + SECOND, True),
        ("0 15 * * 1,2,5", 6, 3 * DAY, False),  # the 9th is a Tuesday: the next run comes on Friday
        ("0 15 * * 1,2,5", 6, 3 * DAY + SECOND, True),
    ],
)
def test_a_run_is_late_after_its_lateness_and_its_period(
    shop: Installation, warehouse: Engine, cron: str, lateness: float, age: timedelta, late: bool
) -> None:
    """Late is older than the greater of max_lateness_hours and one period of the schedule, and not a second before."""
    file = shop.settings.campaigns_dir / f"{CART}.yaml"
    text = file.read_text().replace('schedule: "0 * * * *"', f'schedule: "{cron}"')
    file.write_text(text.replace("max_lateness_hours: 6", f"max_lateness_hours: {lateness}"))
    report = shop.plan(CART, NINTH, NINTH + age)
    assert (report.late is not None) == late
    assert report.enrolled.enrolled == (0 if late else 1)
    assert [row[:2] for row in planned(warehouse)] == ([] if late else [("ann", NINTH)])


STAGES: dict[str, Callable[[Installation, dt.datetime, dt.datetime], Any]] = {
    "refresh_segment": lambda shop, as_of, now: shop.refresh_segment(CART, as_of, now),
    "enroll": lambda shop, as_of, now: shop.enroll(CART, as_of, now),
    "advance": lambda shop, as_of, now: shop.advance(CART, as_of, now),
    "decide": lambda shop, as_of, now: shop.decide(CART, as_of, now),
    "write_messages": lambda shop, as_of, now: shop.write_messages(CART, as_of, now),
}


@pytest.mark.parametrize("stopped_after", range(5))
def test_no_stage_of_a_late_run_uses_anything_up(
    shop: Installation, warehouse: Engine, stopped_after: int
) -> None:
    """However far the run of 16:00 came before it was killed, each stage of an old run leaves that as it is.

    The next run in time finds it, and plans the one mail.
    """
    sixteen = NINTH + HOUR
    for stage in list(STAGES)[:stopped_after]:
        STAGES[stage](shop, sixteen, sixteen)
    before = ledger(warehouse)
    for stage in STAGES.values():
        stage(shop, NINTH, TENTH)
    after = ledger(warehouse)
    # That ann was a member at 15:00, too, is true, and no run in time looks there.
    assert {table for table in LEDGER if after[table] != before[table]} <= {"segment.membership"}
    assert set(before["segment.membership"]) <= set(after["segment.membership"])
    shop.plan(CART, sixteen + HOUR, sixteen + HOUR)
    enrolled_at = sixteen if stopped_after >= 2 else sixteen + HOUR
    assert planned(warehouse) == [("ann", enrolled_at, "reminder", "send", "eligible")]
    with warehouse.connect() as connection:
        assert rows(connection, "select customer_id, state from message.message") == [("ann", "planned")]


@pytest.mark.parametrize("stage", STAGES)
def test_no_later_run_begins_between_the_check_and_the_writes_of_a_stage(
    shop: Installation, warehouse: Engine, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    """The run of 15:00 is in time when a stage of it begins. It stays so: the run of 16:00, on connections of its own,
    waits until what that stage writes is committed."""
    sixteen, order = NINTH + HOUR, []
    for before in list(STAGES)[: list(STAGES).index(stage)]:
        STAGES[before](shop, NINTH, NINTH)
    other = open_installation(shop.settings)
    begin, writes = threading.Thread(target=lambda: STAGES[stage](other, sixteen, sixteen)), WRITES[stage]
    write = getattr(*writes)

    def write_slowly(*given: Any, **named: Any) -> Any:
        if threading.current_thread() is not begin:
            begin.start()
            wait_for_other(warehouse, begin)
        order.append("16:00" if threading.current_thread() is begin else "15:00")
        return write(*given, **named)

    monkeypatch.setattr(*writes, write_slowly)
    STAGES[stage](shop, NINTH, NINTH)
    begin.join(30)
    other.engine.dispose()
    assert order == ["15:00", "16:00"]


WRITES = {
    "refresh_segment": (segments, "refresh"),
    "enroll": (journeys, "enroll"),
    "advance": (journeys, "advance"),
    "decide": (decisions, "decide"),
    "write_messages": (messages, "write_messages"),
}


def wait_for_other(warehouse: Engine, other: threading.Thread) -> None:
    """Return once the other run waits for a lock, or has gone as far as it goes."""
    waiting = (
        "select count(*) from pg_locks inner join pg_database on pg_locks.database = pg_database.oid"
        " where datname = current_database() and locktype = 'advisory' and not granted"
    )
    until = time.monotonic() + 30
    while other.is_alive() and time.monotonic() < until:
        with warehouse.connect() as connection:
            if rows(connection, waiting) != [(0,)]:
                return
        time.sleep(0.01)


def test_a_step_that_the_regular_run_can_still_send_is_not_decided_stale(
    shop: Installation, warehouse: Engine
) -> None:
    """A step due on 10 June at 14:00 was noticed, not decided. A late run leaves it to the run of 15:00, which sends.
    """
    shop.plan(CART, NINTH, NINTH)
    due = NINTH + 23 * HOUR
    shop.refresh_segment(CART, due, due)
    shop.advance(CART, due, due)
    for stage in STAGES.values():
        stage(shop, NINTH + HOUR, due + 7 * HOUR)
    shop.plan(CART, due + HOUR, due + HOUR)
    assert [row[2:] for row in planned(warehouse)] == [
        ("doubts", "send", "eligible"), ("reminder", "send", "eligible")
    ]  # fmt: skip


def test_a_run_after_a_later_one_is_late_whatever_its_age(
    command: Command, shop: Installation, warehouse: Engine
) -> None:
    """The period of 15:00 planned again after that of 18:00, in its lateness still, enrolls no customer.

    bob had a cart at 15:00 that was changed since: no regular run would write to him about it.
    """
    shop.plan(CART, NINTH + 3 * HOUR, NINTH + 3 * HOUR)
    left_a_cart(warehouse, "bob", NINTH - 2 * HOUR)
    before = ledger(warehouse)
    plan = ("campaign", "plan", CART, "--as-of", NINTH.isoformat())
    for now in ((), ("--now", (NINTH + 4 * HOUR).isoformat())):
        out = command(*plan, *now)[1]
        assert out.splitlines()[-1].startswith(
            "late: campaign cart_abandoned: the run for 2026-06-09 15:00:00 UTC comes after the planning for "
            "2026-06-09 18:00 UTC: it enrolls no customer"
        )
    after = ledger(warehouse)
    assert {table for table in LEDGER if after[table] != before[table]} == {"segment.membership"}
    assert [row[0] for row in planned(warehouse)] == ["ann"]


def test_a_repeated_run_is_no_late_one(shop: Installation, warehouse: Engine) -> None:
    """The same period again, within its lateness, is planned again: it enrolls whom a late file brought."""
    shop.plan(CART, NINTH, NINTH)
    left_a_cart(warehouse, "bob", NINTH - 2 * HOUR)
    assert shop.plan(CART, NINTH, NINTH + HOUR).late is None
    assert [row[0] for row in planned(warehouse)] == ["ann", "bob"]


def test_a_late_refresh_does_not_damage_intervals(shop: Installation, warehouse: Engine) -> None:
    """A late run makes a past instant of the segment exact; who is a member since when stays for the runs in time.

    Before the first run in time it writes nothing, so that the snapshot of a member is the one of that run.
    """
    assert shop.refresh_segment(CART, NINTH, TENTH).members == 1
    membership = "select customer_id, entered_at, left_at from segment.membership order by 1, 2"
    with warehouse.connect() as connection:
        assert rows(connection, membership) == []
    shop.plan(CART, NINTH + HOUR, NINTH + HOUR)
    with warehouse.begin() as connection:
        insert(connection, "source.orders", order_id="O1", customer_id="ann", ordered_at=NINTH - HOUR, total=1,
               currency="EUR", load_id=load(connection))  # fmt: skip
        assert rows(connection, membership) == [("ann", NINTH + HOUR, None)]
    shop.refresh_segment(CART, NINTH + HOUR, TENTH)  # the newest instant, on facts that came later
    with warehouse.connect() as connection:
        assert rows(connection, membership) == [("ann", NINTH + HOUR, None)]
    left_a_cart(warehouse, "bob", NINTH - 2 * HOUR)
    shop.refresh_segment(CART, NINTH, TENTH)
    with warehouse.connect() as connection:
        assert rows(connection, membership) == [
            ("ann", NINTH + HOUR, None), ("bob", NINTH, NINTH + timedelta(microseconds=1))
        ]  # fmt: skip


def test_a_late_run_is_no_planning(shop: Installation, warehouse: Engine) -> None:
    """The campaign has not planned by it: it is not noted, and what the file says is not published."""
    shop.plan(CART, NINTH, TENTH)
    with warehouse.connect() as connection:
        assert rows(connection, "select campaign from journey.planning") == []
        assert rows(connection, "select campaign from journey.campaign") == []


def test_the_future_is_refused_before_anything_is_late(shop: Installation) -> None:
    """A moment to come is no late run: it is refused, asked about alone too."""
    with pytest.raises(FutureRefused):
        shop.late_run(CART, TENTH, NINTH)


@pytest.mark.parametrize(
    ("cron", "at", "hours"),
    [
        ("0 * * * *", "2026-06-09T15:00+00:00", 1),
        ("0 * * * *", "2026-06-09T15:59:59+00:00", 1),
        ("0 9,10 * * *", "2026-06-09T09:00+00:00", 1),
        ("0 9,10 * * *", "2026-06-09T10:00+00:00", 23),
        ("0 9,10 * * *", "2026-06-09T08:00+00:00", 23),
        ("0 9 * * 1-5", "2026-06-12T09:00+00:00", 72),  # Friday
        ("30 6 1 * *", "2026-02-10T00:00+02:00", 28 * 24),
    ],
)
def test_the_period_of_a_moment_lies_between_two_ticks(cron: str, at: str, hours: int) -> None:
    """A tick begins the period after it; the run for it is the newest until that period ends."""
    assert period_at(cron, dt.datetime.fromisoformat(at)) == hours * HOUR
