"""The command line at DEBUG, through good and bad paths: no address, no name, no key in anything it writes."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

import running_services
from airflow_world import copy_campaigns, provider, write_carts
from privacy import (
    PEOPLE,
    PERSONAL,
    WORDS,
    QuotingProvider,
    break_a_snapshot,
    columns_of,
    forbid_a_claim,
    leaks,
    permit_claims,
    quoting_provider,
)

LINK_SECRET = "link-secret-for-tests"
# Every logger at DEBUG, after the library had its chance to quieten some of them.
AT_DEBUG = """
import logging, sys
logging.basicConfig(stream=sys.stderr, level=logging.DEBUG, force=True)
import httpx, sqlalchemy, lifecycle_mail.pipeline
from lifecycle_mail.command_line import main
named = ["httpx", "httpcore.http11", "httpcore.connection", "sqlalchemy.engine", "sqlalchemy.pool", "sqlalchemy.orm"]
for name in [None, *named, *logging.root.manager.loggerDict]:
    logging.getLogger(name).setLevel(logging.DEBUG)
main()
"""


class Run:
    """The command line with one environment; keeps what each command wrote."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment
        self.said: dict[str, str] = {}

    def __call__(self, *words: str) -> int:
        done = subprocess.run(
            [sys.executable, "-c", AT_DEBUG, *words], env=self.environment, capture_output=True, text=True, check=False
        )
        name = " ".join(words[:2])
        self.said[name] = self.said.get(name, "") + done.stdout + done.stderr
        return done.returncode


@pytest.fixture
def shop(
    tmp_path: Path, warehouse_url: str
) -> Iterator[tuple[Run, running_services.Service, running_services.Service, QuotingProvider]]:
    for name in ("events", "feeds"):
        (tmp_path / name).mkdir()
    copy_campaigns(tmp_path / "campaigns")
    with (
        provider(tmp_path, tmp_path / "events", LINK_SECRET) as (simulator, collector),
        quoting_provider(simulator.url) as quoting,
    ):
        environment = running_services.clean_environment(
            LIFECYCLE_DATABASE_URL=warehouse_url,
            LIFECYCLE_MODE="simulate",
            LIFECYCLE_LINK_SECRET=LINK_SECRET,
            LIFECYCLE_EVENTS_DIR=str(tmp_path / "events"),
            LIFECYCLE_CAMPAIGNS_DIR=str(tmp_path / "campaigns"),
            SENDGRID_API_KEY=running_services.API_KEY,
            SENDGRID_BASE_URL=quoting.url,
        )
        yield Run(environment), simulator, collector, quoting


def test_nothing_personal_leaves_the_tables_made_for_it(
    tmp_path: Path,
    warehouse: Engine,
    shop: tuple[Run, running_services.Service, running_services.Service, QuotingProvider],
) -> None:
    """Good and bad paths at DEBUG; then output, custom arguments and every other column are searched."""
    run, simulator, collector, quoting = shop
    now = dt.datetime.now(dt.UTC)
    write_carts(tmp_path / "feeds", PEOPLE, now)
    with (tmp_path / "feeds" / "customers.csv").open("a") as feed:
        feed.write("bad,zenobia.o'quirke@@example.com,yesterday,Xanthippe\n")
    assert run("load", str(tmp_path / "feeds")) == 0
    assert run("campaign", "plan", "cart_abandoned", "--as-of", now.isoformat()) == 0
    break_a_snapshot(warehouse)
    forbid_a_claim(warehouse)
    assert run("deliver") != 0
    permit_claims(warehouse)
    assert run("deliver") == 0
    running_services.settle(simulator)
    (tmp_path / "events" / "export.ndjson").write_text('{"email": "zenobia.o\'quirke@example.com", "event": \n[]\n')
    assert run("events", "ingest") == 0
    assert run("kpis", "roll-up") == 0
    assert run("why", "accent") == 0
    assert run("sending", "status") == 0
    assert run("erase", "refused") == 0

    check_that_every_path_was_walked(run, warehouse)
    refused = collector.client.post("/events", content=f'[{{"email": "{WORDS[0]}"}}]')
    assert refused.status_code >= 400
    run.said["collector"] = collector.log.read_text()
    places = {**run.said, **quoting.kept_for_good(), **columns_of(warehouse, PERSONAL)}
    assert leaks(places) == set()
    assert leaks(columns_of(warehouse)) != set(), "the people are nowhere: the test proves nothing"
    plant_and_find(run, warehouse, quoting)


def check_that_every_path_was_walked(run: Run, warehouse: Engine) -> None:
    """The failures really happened, and DEBUG was really on."""
    with warehouse.connect() as connection:
        found = {tuple(row) for row in connection.execute(sa.text("select customer_id, state from message.message"))}
        refusal = connection.execute(sa.text("select reason from message.message where customer_id = 'refused'"))
        refused = refusal.scalar_one()
        rejected = connection.execute(sa.text("select count(*) from source.rejected")).scalar_one()
        garbage = connection.execute(sa.text("select count(*) from event.rejected")).scalar_one()
    assert found == {
        ("accent", "accepted"), ("refused", "rejected"), ("broken", "rejected"), ("changed", "accepted"),
    }  # fmt: skip
    assert "<address>" in refused
    assert rejected >= 1
    assert garbage >= 1
    assert 'violates check constraint "no_claim"' in run.said["deliver"]
    assert "DEBUG:httpcore" in run.said["deliver"]
    assert "DEBUG:sqlalchemy" in run.said["deliver"]


def plant_and_find(run: Run, warehouse: Engine, quoting: QuotingProvider) -> None:
    """One leak of each kind is planted, and the search finds exactly those."""
    with warehouse.begin() as connection:
        connection.execute(sa.text("update delivery.attempt set error = :text"), {"text": f"400: {WORDS[0]}"})
    quoting.bodies[0]["personalizations"][0]["custom_args"]["name"] = "Žofie-Ångström"
    said = {
        "deliver": run.said["deliver"] + f"\n{{'Authorization': 'Bearer {running_services.API_KEY}'}}",
        "collector": f"{run.said['collector']}\nPOST /unsubscribe of {WORDS[0]}",
    }
    places = {**said, **quoting.kept_for_good(), **columns_of(warehouse, PERSONAL)}
    assert {place for place, _ in leaks(places)} == {
        "deliver", "collector", "custom_args, categories and headers", "delivery.attempt.error",
    }  # fmt: skip
