"""Everything that Airflow writes, at DEBUG, over good and bad paths: no address, no name, no key.

The search covers all log files, every column of every table of Airflow's own database (XCom, rendered fields, notes,
audit log, asset events …), what SendGrid keeps for good, and every column of the warehouse that is not made for people.
At the end one leak of each kind is planted, and exactly those are found.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from cryptography.fernet import Fernet

import running_services
from airflow_world import AirflowWorld, running_world, write_carts
from local_stack.processes import wait_until
from privacy import (
    PEOPLE,
    PERSONAL,
    WORDS,
    QuotingProvider,
    break_a_snapshot,
    columns_of,
    files_below,
    forbid_a_claim,
    leaks,
    permit_claims,
    quoting_provider,
)

pytestmark = [pytest.mark.faults, pytest.mark.timeout(2400)]

CAMPAIGN = "campaign__cart_abandoned"


@pytest.fixture
def shop(
    tmp_path: Path, server_url: str, warehouse_url: str
) -> Iterator[tuple[AirflowWorld, QuotingProvider]]:
    """Airflow at DEBUG, whose provider quotes addresses in its refusals."""
    settings = {
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "DEBUG",
        "AIRFLOW__CORE__FERNET_KEY": Fernet.generate_key().decode(),
        "LIFECYCLE_CLAIM_LEASE_SECONDS": "20",
        # Broken rows are a part of the day here, and must not end it.
        "LIFECYCLE_REFUSED_PERCENT": "100",
        "LIFECYCLE_MISSING_PERIODS": "0",
    }
    with (
        running_world(tmp_path, server_url, warehouse_url, **settings) as world,
        quoting_provider(world.simulator.url) as quoting,
    ):
        # The provider's address is known only now; a connection stands before the environment.
        connection = {
            "connection_id": "sendgrid",
            "conn_type": "http",
            "host": quoting.url,
            "password": running_services.API_KEY,
        }
        world.airflow.request("POST", "connections", json=connection, allowed=(201, 409))  # 409: asked twice
        yield world, quoting


def places(world: AirflowWorld, quoting: QuotingProvider) -> dict[str, str]:
    """Everything that must not know people."""
    logs = files_below(world.airflow.home / "logs", world.airflow.airflow_home / "logs")
    tables = {f"airflow {name}": text for name, text in columns_of(world.metadata).items()}
    return {**logs, **tables, **quoting.kept_for_good(), **columns_of(world.warehouse, PERSONAL)}


def test_airflow_knows_nobody(shop: tuple[AirflowWorld, QuotingProvider]) -> None:
    """A whole day's work with its failures, then the search; then the search of what was planted."""
    world, quoting = shop
    walk(world)
    check_that_every_path_was_walked(world)
    assert leaks(places(world, quoting)) == set()
    assert leaks(columns_of(world.warehouse)) != set(), "the people are nowhere: the test proves nothing"
    plant(world, quoting)
    found = {place for place, _ in leaks(places(world, quoting))}
    assert str(planted_log(world)) in found
    # What a run was given is in its own logs too, at DEBUG: those are one place here.
    assert {"logs" if place.endswith(".log") else place for place in found} == {
        "logs",
        "airflow public.dag_run.conf",
        "airflow public.dag_run_note.content",
        "airflow public.log.extra",
        "airflow public.xcom.value",
        "custom_args, categories and headers",
        "delivery.attempt.error",
        "delivery.pause.detail",
    }


def walk(world: AirflowWorld) -> None:
    """Load, plan, fail in the database, deliver with a refusal and a broken mail, ingest, roll up, erase."""
    now = dt.datetime.now(dt.UTC)
    write_carts(world.folder / "feeds", PEOPLE, now)
    with (world.folder / "feeds" / "customers.csv").open("a") as feed:
        feed.write("bad,zenobia.o'quirke@@example.com,yesterday,Xanthippe\n")
    world.airflow.unpause(["load_sources", CAMPAIGN])
    assert world.run("load_sources").state == "success"
    assert world.run(CAMPAIGN, as_of=now.isoformat()).state == "success"
    break_a_snapshot(world.warehouse)
    forbid_a_claim(world.warehouse)
    world.airflow.unpause(["deliver_messages"])
    run = world.airflow.trigger("deliver_messages")
    wait_for_a_failed_try(world)
    permit_claims(world.warehouse)
    assert world.airflow.wait_run(run, 400).state == "success"
    world.airflow.wait_idle(["deliver_messages"], 400)
    running_services.settle(world.simulator)
    (world.folder / "events" / "export.ndjson").write_text('{"email": "zenobia.o\'quirke@example.com", "event": \n[]\n')
    world.airflow.unpause(["ingest_events", "roll_up_kpis", "erase_customer"])
    assert world.run("ingest_events").state == "success"
    assert world.run("roll_up_kpis").state == "success"
    assert world.run("erase_customer", customer_id="changed").state == "success"
    changed = [dataclasses.replace(one, email="@".join(reversed(one.email.split("@")))) for one in PEOPLE]
    write_carts(world.folder / "feeds", changed, now)
    assert world.run("load_sources").state == "success"
    assert world.run(CAMPAIGN).state == "failed"  # neither a period nor as_of


def wait_for_a_failed_try(world: AirflowWorld) -> None:
    def failed() -> bool:
        folder = world.airflow.airflow_home / "logs" / "dag_id=deliver_messages"
        return any("no_claim" in file.read_text(errors="replace") for file in folder.rglob("*.log"))

    wait_until(failed, "the database refused nothing", 240)


def check_that_every_path_was_walked(world: AirflowWorld) -> None:
    """The failures really happened, and DEBUG was really on."""
    assert set(world.rows("select customer_id, state from message.message")) == {
        ("accent", "accepted"), ("refused", "rejected"), ("broken", "rejected"), ("changed", "accepted"),
    }  # fmt: skip
    ((reason,),) = world.rows("select reason from message.message where customer_id = 'refused'")
    assert "<address>" in reason
    assert world.rows("select count(*) > 3 from source.rejected") == [(True,)]
    assert world.rows("select count(*) > 0 from event.rejected") == [(True,)]
    text = "\n".join(files_below(world.airflow.airflow_home / "logs").values())
    assert 'violates check constraint \\"no_claim\\"' in text
    assert '"level":"debug"' in text


def planted_log(world: AirflowWorld) -> Path:
    return world.airflow.airflow_home / "logs" / "planted.log"


def plant(world: AirflowWorld, quoting: QuotingProvider) -> None:
    """One leak of each kind, as a careless change would make it."""
    airflow, name = world.airflow, "Žofie-Ångström"
    planted_log(world).write_text(f"Bearer {running_services.API_KEY}\n")
    run = airflow.trigger("ingest_events", {"for": name})
    airflow.request("PATCH", f"dags/ingest_events/dagRuns/{run.run_id}", json={"note": f"asked by {WORDS[0]}"})
    run = airflow.wait_run(run)
    entry = {"key": "planted", "value": {"first": name}}
    airflow.request(
        "POST", f"dags/ingest_events/dagRuns/{run.run_id}/taskInstances/ingest/xcomEntries", json=entry
    )
    with world.warehouse.begin() as connection:
        connection.execute(sa.text("update delivery.attempt set error = :text"), {"text": f"400: {WORDS[0]}"})
        connection.execute(
            sa.text("insert into delivery.pause (scope, reason, detail, paused_at) values ('x', 'x', :text, now())"),
            {"text": f"refused {WORDS[6]}@example.com"},
        )
    quoting.bodies[0]["personalizations"][0]["custom_args"]["name"] = name
