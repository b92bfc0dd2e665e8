"""kill -9 of real delivery workers in mid-campaign: nobody is mailed twice, nobody is lost silently.

The short form of the crash suite: real processes, real HTTP, counted from the simulator's own record.
"""

from __future__ import annotations

import random
import subprocess
import time
from pathlib import Path

import pytest
from sqlalchemy.engine import Engine

from builders import NOON, rows
from planning import campaign_of, plan, topic_of
from running_services import API_KEY, Service, clean_environment, module_command, running_simulator

RECIPIENTS = 6000
LEASE_SECONDS = 1.5


def many_members(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("insert into source.load default values")
        connection.exec_driver_sql(
            f"""insert into source.customer (customer_id, email, created_at, permission, permission_at, load_id)
            select 'c' || n, 'c' || n || '@example.com', now(), 'confirmed', now(), 1
            from generate_series(1, {RECIPIENTS}) as n"""  # noqa: S608 - numbers of this file
        )
        connection.exec_driver_sql(
            """insert into segment.membership (segment, customer_id, occurrence, occurred_at, context, entered_at)
            select 'cart_abandoned', customer_id, 'cart-' || customer_id, '2026-03-02 11:00Z',
            '{"cart_id": "1", "cart_url": null, "currency": "EUR", "item_count": 1, "total": 3, "items":
            [{"product_id": "p", "name": "Soap", "quantity": 1, "unit_price": 3, "url": null, "image_url": null}]}',
            '2026-03-02 12:00Z' from source.customer"""
        )


def worker(engine: Engine, simulator: Service, minutes: float) -> subprocess.Popen[bytes]:
    """A delivery process whose clock stands `minutes` after noon."""
    now = f"2026-03-02T12:{int(minutes):02}:{int(minutes % 1 * 60):02}Z"
    environment = clean_environment(
        LIFECYCLE_DATABASE_URL=engine.url.render_as_string(hide_password=False),
        LIFECYCLE_MODE="simulate",
        SENDGRID_API_KEY=API_KEY,
        SENDGRID_BASE_URL=simulator.url,
        LIFECYCLE_CLAIM_LEASE_SECONDS=str(LEASE_SECONDS),
    )
    command = module_command("lifecycle_mail", "deliver", "--now", now)
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@pytest.fixture
def simulator(tmp_path: Path) -> Service:  # type: ignore[misc]
    with running_simulator(tmp_path / "record") as service:
        yield service


def test_workers_killed_at_any_moment(warehouse: Engine, simulator: Service) -> None:
    """Two workers, several kills inside requests: 0 duplicates, every mail accepted or counted in doubt, at most
    one request in doubt a killed worker; the rest goes on."""
    many_members(warehouse)
    plan(warehouse, campaign_of(max_lateness_hours=24), topic_of(cap={"mails": 1, "per": "day"}))
    simulator.client.post("/simulator/faults", json={"delay_ms": 400, "faults": []}).raise_for_status()
    draw, kills = random.Random(20261121), 0
    for turn in range(3):
        pair = [worker(warehouse, simulator, turn * 2.0) for _ in range(2)]
        wait_for_claims(warehouse, after=turn * 2.0)
        time.sleep(draw.uniform(0, 0.35))
        victim = pair[turn % 2]
        if victim.poll() is None:
            victim.kill()
            kills += 1
        for process in pair:
            process.wait(60)
    simulator.client.post("/simulator/faults", json={}).raise_for_status()
    assert worker(warehouse, simulator, 30.0).wait(120) == 0
    with warehouse.connect() as connection:
        found = dict(rows(connection, "select state, count(*) from message.message group by state"))
        doubtful = rows(connection, "select count(distinct attempt_id) from message.message where state = 'in_doubt'")
    count = simulator.client.get("/simulator/accepted/count", params={"distinct": 1}).json()
    assert kills >= 1, "no kill fell into the delivery: the test proves nothing"
    assert set(found) <= {"accepted", "in_doubt"}
    assert sum(found.values()) == RECIPIENTS
    assert count["recipients"] == count["distinct_message_ids"], "somebody was mailed twice"
    assert found["accepted"] <= count["recipients"] <= RECIPIENTS
    assert doubtful[0][0] <= kills


def wait_for_claims(engine: Engine, after: float, seconds: float = 30.0) -> None:
    """Wait until a worker of this turn has committed a claim."""
    at = f"2026-03-02 12:{int(after):02}:00Z"
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with engine.connect() as connection:
            if rows(connection, "select 1 from delivery.attempt where claimed_at = :at limit 1", at=at):
                return
            if not rows(connection, "select 1 from message.message where state = 'planned' limit 1"):
                return
        time.sleep(0.02)
    raise AssertionError("no worker claimed anything")


def test_the_day_of_noon_is_what_the_workers_see() -> None:
    """The workers' clocks are texts: they must mean the noon the plan is made for."""
    assert NOON.isoformat() == "2026-03-02T12:00:00+00:00"
