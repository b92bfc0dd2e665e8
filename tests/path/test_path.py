"""The whole path on a small shop: real purchases → sent mails → signed webhooks → KPI tables, and once more."""

from __future__ import annotations

import datetime as dt
import time
from pathlib import Path

import pytest
from sqlalchemy.engine import Engine

from builders import rows
from demo_world import shift_for, write_world
from lifecycle_mail.pipeline import Installation, open_installation
from lifecycle_mail.settings import Settings
from recompute import differences, repeated
from running_services import API_KEY, lines_in, running_collector, running_simulator, settle

TODAY = dt.date(2026, 3, 2)
NOON = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)
CAMPAIGNS = ("birthday", "cart_abandoned", "replenishment", "win_back")


def counted(engine: Engine, query: str) -> dict[str, int]:
    with engine.connect() as connection:
        return {str(name): number for name, number in rows(connection, query)}


MESSAGES = "select state, count(*) from message.message group by state"
EVENTS = "select event, count(*) from event.event group by event"


def one_day(shop: Installation, as_of: dt.datetime) -> None:
    """Plan until nothing is left to decide, and deliver.

    A step that counts from the mail of another learns in the run after it that this mail does not go.
    """
    for campaign in CAMPAIGNS * 2:
        shop.plan(campaign, as_of, as_of)
    shop.deliver(lambda: as_of, "path")


@pytest.mark.timeout(280)
def test_purchases_become_mails_and_numbers(warehouse_url: str, warehouse: Engine, tmp_path: Path) -> None:
    """Everything once through, then again: the second time nothing is loaded, mailed or counted twice."""
    feeds, exports = tmp_path / "feeds", tmp_path / "events"
    exports.mkdir()
    write_world(feeds, today=TODAY, shift_days=shift_for(TODAY), seed=7, households=150)
    record = tmp_path / "record"
    with running_simulator(record, "--rate", "open=0.6", "--rate", "click=0.3") as keyed:
        public_key = (record / "webhook_public_key.txt").read_text().strip()
    with running_collector(exports, SENDGRID_WEBHOOK_PUBLIC_KEY=public_key, LIFECYCLE_LINK_SECRET="s") as collector:
        options = ("--rate", "open=0.6", "--rate", "click=0.3", "--webhook-url", f"{collector.url}/events")
        with running_simulator(record, *options) as simulator:
            assert keyed.url != simulator.url
            shop = open_installation(
                Settings(
                    database_url=warehouse_url, mode="simulate", sendgrid_api_key=API_KEY,
                    sendgrid_base_url=simulator.url, events_dir=exports,
                )
            )  # fmt: skip
            shop.load(feeds)
            one_day(shop, NOON)
            first = counted(warehouse, MESSAGES)
            assert first["accepted"] > 20
            assert set(first) <= {"accepted", "planned"}
            count = simulator.client.get("/simulator/accepted/count", params={"distinct": 1}).json()
            assert count["recipients"] == count["distinct_message_ids"] == first["accepted"]
            settle(simulator)
            wait_until_written(exports)
            shop.ingest()
            heard = max(NOON, dt.datetime.now(dt.UTC)) + dt.timedelta(days=30)  # the simulator has a clock of its own
            shop.roll_up(heard)
            events = counted(warehouse, EVENTS)
            numbers = kpi_rows(warehouse)
            assert events["processed"] + events.get("dropped", 0) == first["accepted"]
            assert sum(row[4] for row in numbers) == first["accepted"]
            assert sum(row[5] for row in numbers) == events["delivered"]
            # Once more: the same files, the same period, the same events.
            shop.load(feeds)
            one_day(shop, NOON)
            shop.ingest()
            shop.roll_up(heard)
            assert counted(warehouse, MESSAGES) == first
            assert counted(warehouse, EVENTS) == events
            assert kpi_rows(warehouse) == numbers
            shop.roll_up(heard, full=True)
            assert kpi_rows(warehouse) == numbers
            # And a second time from the definitions alone.
            assert differences(warehouse, "UTC", None, heard) == []
            assert repeated(warehouse) == []
            shop.check_kpis()
            shop.engine.dispose()


def wait_until_written(folder: Path, seconds: float = 20.0) -> None:
    """Wait until the collector's files stop growing."""
    before, deadline = -1, time.monotonic() + seconds
    while time.monotonic() < deadline:
        now = len(lines_in(folder))
        if now == before and now > 0:
            return
        before = now
        time.sleep(0.5)
    raise AssertionError("the collector's files never came to rest")


def kpi_rows(engine: Engine) -> list[tuple[object, ...]]:
    with engine.connect() as connection:
        return rows(
            connection,
            "select day, campaign, step, variant, accepted, delivered, openers, clickers, held_out, skipped, planned"
            " from kpi.campaign_daily order by 1, 2, 3, 4",
        )
