"""What stops without an operator: each of the three limits, by what really comes back, and the sentence that says
so."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import Engine

import running_services
from airflow_world import provider
from builders import NOON, rows
from lifecycle_mail import delivery
from lifecycle_mail.campaigns import Topic
from lifecycle_mail.delivery import DeliveryReport
from lifecycle_mail.errors import CampaignError, SendingStopped
from lifecycle_mail.events import ingest
from lifecycle_mail.pipeline import Installation
from lifecycle_mail.settings import INCLUDE, Settings
from planning import BRAND, approved, campaign_of, definition_of, members, plan, states, topic_of

HOUR = timedelta(hours=1)
TOPIC = topic_of(limits={"minimum": 10, "complaint_rate": 0.1, "bounce_rate": 0.1, "rejection_rate": 0.1})
FIRST = [f"c{number}" for number in range(8)]


@dataclass
class Shop:
    """A warehouse, a provider that posts what happens, and the settings that join them."""

    warehouse: Engine
    simulator: running_services.Service
    events: Path
    settings: Settings

    def deliver(self, hours: int) -> DeliveryReport:
        """Plan and deliver, `hours` after noon."""
        now = NOON + hours * HOUR
        plan(self.warehouse, campaign_of(), TOPIC, now)
        return delivery.deliver(
            self.warehouse, self.settings, {TOPIC.topic: TOPIC}, clock=lambda: now, worker="test"
        )

    def take_in_events(self) -> None:
        running_services.settle(self.simulator)
        ingest(self.warehouse, self.events, topics={})

    def stops(self, hours: int = 0) -> list[str]:
        with self.warehouse.connect() as connection:
            return delivery.stops(connection, since=NOON + hours * HOUR)

    def members(self, *customer_ids: str, address: str = "{}@example.com") -> None:
        for one in customer_ids:
            members(self.warehouse, one, email=address.format(one))


@pytest.fixture
def shop(tmp_path: Path, warehouse: Engine, warehouse_url: str) -> Iterator[Shop]:
    events = tmp_path / "events"
    events.mkdir()
    with provider(tmp_path, events, "link-secret") as (simulator, _collector):
        settings = Settings(
            database_url=warehouse_url,
            mode="simulate",
            sendgrid_api_key=running_services.API_KEY,
            sendgrid_base_url=simulator.url,
        )
        yield Shop(warehouse, simulator, events, settings)


def planned(shop: Shop) -> set[str]:
    return {who for who, _, state, _ in states(shop.warehouse) if state == "planned"}


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("complain", "complaint rate 20.00% (2 of 10) is above 10.00%"),
        ("bounce", "bounce rate 20.00% (2 of 10) is above 10.00%"),
    ],
)
def test_what_recipients_do_stops_the_campaign_before_its_next_batch(shop: Shop, word: str, said: str) -> None:
    """Two of ten complain, or bounce: their events are taken in, and the next batch is not claimed."""
    shop.members(*FIRST)
    shop.members("bad0", "bad1", address=f"{word}+{{}}@example.com")
    assert shop.deliver(0).accepted == 10
    assert shop.stops() == []
    shop.take_in_events()
    shop.members("later0", "later1")
    assert shop.deliver(1).requests == 0
    assert planned(shop) == {"later0", "later1"}
    assert shop.stops() == [
        f"the breaker stopped campaign cart_abandoned at 2026-03-02 13:00 UTC: {said}: find the cause, then run "
        "`campaign resume cart_abandoned`"
    ]
    assert shop.stops(hours=2) == []
    delivery.resume(shop.warehouse, "campaign:cart_abandoned", NOON + HOUR)
    assert (shop.deliver(1).accepted, shop.stops()) == (2, [])


def test_refused_recipients_stop_the_campaign_before_its_next_batch(shop: Shop) -> None:
    """SendGrid answers 400 and names ten of eighteen recipients: they are rejected, the other eight stay planned."""
    shop.members(*FIRST)
    shop.members(*[f"bad{number}" for number in range(10)], address="not-an-address-of-{}")
    report = shop.deliver(0)
    assert (report.rejected, report.accepted, report.requests) == (10, 0, 1)
    assert planned(shop) == set(FIRST)
    (said,) = shop.stops()
    assert "campaign cart_abandoned" in said
    assert "rejection rate 100.00% (10 of 10) is above 10.00%" in said
    assert shop.deliver(1).requests == 0


def test_refused_access_is_reported_as_long_as_it_holds(shop: Shop) -> None:
    """A pause of everything by the provider's refusal is reported at each look; an operator's pause is no stop."""
    shop.members("ann")
    delivery.pause(shop.warehouse, "all", "operator", NOON)
    assert shop.stops() == []
    delivery.resume(shop.warehouse, "all", NOON)
    shop.simulator.client.post(
        "/simulator/faults", json={"faults": [{"answer": "status", "status": 401}]}
    ).raise_for_status()
    with pytest.raises(SendingStopped):
        shop.deliver(0)
    (said,) = shop.stops(hours=100)
    assert said.startswith("all sending stopped at 2026-03-02 12:00 UTC: the provider refused our access (401: ")
    assert said.endswith("run `sending resume`")


LIVE = {"mode": "live", "link_secret": "s" * 32, "public_url": "https://shop.example.com", "postal_address": "1 Street",
        "pages_url": "https://shop.example.com",
        "default_zone": "UTC"}
APPROVE = "wait for an approval of its present definition, until they expire: read its files, then run " \
    "`campaign approve cart_abandoned --by WHO`, or run `campaign pause cart_abandoned` to stop it"  # fmt: skip


def installed(warehouse: Engine, warehouse_url: str, topic: Topic = TOPIC, **settings: Any) -> Installation:
    """An installation in live mode that never sends here: planning and looking need no provider."""
    its = Settings(database_url=warehouse_url, **{**LIVE, **settings})
    return Installation(its, warehouse, {topic.topic: topic}, BRAND)


def told(system: Installation, campaign: str | None = None, now: datetime = NOON) -> str:
    """The error of the red task, or '' if the task is green."""
    try:
        system.require_not_stopped(now, campaign, since=now)
    except SendingStopped as stopped:
        return str(stopped)
    return ""


def test_mails_in_live_mode_that_nobody_approved_are_told(warehouse: Engine, warehouse_url: str) -> None:
    """An approval holds for one definition. Both tasks report the mails that wait for an approval, and no other
    campaign's."""
    system = installed(warehouse, warehouse_url)
    members(warehouse, "ann", "bob")
    plan(warehouse, campaign_of(), TOPIC)
    assert told(system) == f"2 planned mails of campaign cart_abandoned {APPROVE}"
    assert told(system, "cart_abandoned") == told(system)
    assert told(system, "birthday") == ""
    assert told(system, now=NOON + timedelta(hours=8)) == "", "expired mails wait for nothing"
    assert told(installed(warehouse, warehouse_url, mode="simulate")) == ""
    approved(warehouse, campaign_of(), TOPIC)
    with warehouse.connect() as connection:
        assert delivery.waits(warehouse, system.settings, system.topics, NOON) == []
        assert rows(connection, "select approved_by, revoked_at from delivery.approval") == [("lead", None)]


def test_a_definition_that_changed_while_it_was_read_is_not_approved(warehouse: Engine) -> None:
    """A run read edited files between reading and approving: the approval is refused, and neither definition is
    approved."""
    read, edited = campaign_of(), campaign_of(max_lateness_hours=7)
    members(warehouse, "ann")
    plan(warehouse, edited, TOPIC)
    its = definition_of(edited, TOPIC).md5
    with pytest.raises(CampaignError, match="the definition changed meanwhile: read the files again"):
        delivery.approve(warehouse, "cart_abandoned", definition_of(read, TOPIC).md5, "lead", NOON)
    with warehouse.connect() as connection:
        assert rows(connection, "select * from delivery.approval") == []
    assert delivery.approve(warehouse, "cart_abandoned", its, "lead", NOON)
    assert not delivery.approve(warehouse, "cart_abandoned", its, "lead", NOON)


def test_a_pause_or_no_planned_mail_is_not_told(warehouse: Engine, warehouse_url: str) -> None:
    """The operator who paused the campaign knows that it waits; a campaign without planned mails waits for nothing."""
    system = installed(warehouse, warehouse_url)
    plan(warehouse, campaign_of(), TOPIC)
    assert told(system) == ""
    members(warehouse, "ann")
    plan(warehouse, campaign_of(), TOPIC)
    for scope in ("all", "campaign:cart_abandoned"):
        delivery.pause(warehouse, scope, "operator", NOON)
        assert told(system) == ""
        delivery.resume(warehouse, scope, NOON)
    assert told(system) == f"1 planned mails of campaign cart_abandoned {APPROVE}"


def test_a_broken_template_or_a_topic_that_is_gone_is_told(
    warehouse: Engine, warehouse_url: str, tmp_path: Path
) -> None:
    """Mails that no delivery can take are reported in simulate too; looking gives them no other shell."""
    members(warehouse, "ann")
    plan(warehouse, campaign_of(), TOPIC)
    shutil.copytree(INCLUDE / "templates", tmp_path / "templates")
    body = tmp_path / "templates" / "cart_abandoned" / "reminder" / "body.txt"
    whole = body.read_text()
    simulate = {"mode": "simulate", "templates_dir": tmp_path / "templates"}
    system = installed(warehouse, warehouse_url, **simulate)
    body.write_text(whole + "corrected")
    assert told(system) == ""
    body.write_text(whole + "{% slot")
    assert told(installed(warehouse, warehouse_url, **simulate)).startswith("mails of campaign cart_abandoned wait: ")
    assert "body.txt" in told(installed(warehouse, warehouse_url, **simulate), "cart_abandoned")
    gone = installed(warehouse, warehouse_url, topic_of(topic="other"), mode="simulate")
    assert "topic 'reminders' is not in topics.yaml any more: put it back" in told(gone)
    assert told(installed(warehouse, warehouse_url, **{**simulate, "mode": "preview"})) == ""
    with warehouse.connect() as connection:
        assert rows(connection, "select count(*), min(shell_id) from message.shell") == [(1, 1)]
