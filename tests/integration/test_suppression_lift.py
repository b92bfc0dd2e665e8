"""`suppressions lift`: an operator's yes, here and at SendGrid, with a log."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from sqlalchemy.engine import Engine

from builders import NOON, insert, rows
from lifecycle_mail.errors import SyncError
from lifecycle_mail.events import lift, pull
from lifecycle_mail.pipeline import open_installation
from lifecycle_mail.sendgrid.suppression_lists import SuppressionLists
from lifecycle_mail.settings import Settings
from running_services import API_KEY, Service, clean_environment, running_simulator

ADDRESS = "ann+shop/a@example.com"
ALL_LISTS = ("bounces", "blocks", "invalid_emails", "spam_reports", "unsubscribes")
TOPICS = """topics:
  reminders: {description: x, sendgrid_group_id: 1001, sender: {name: Shop, email: hello@example.com}, kind: marketing}
foreign_groups: [77]
"""


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    groups = ("--group", "1001:Reminders", "--group", "77:Magazine")
    with running_simulator(tmp_path_factory.mktemp("simulator") / "record", *groups) as service:
        yield service


class World:
    def __init__(self, warehouse: Engine, simulator: Service, folder: Path, mode: str = "simulate") -> None:
        self.warehouse, self.simulator, self.folder = warehouse, simulator, folder
        (folder / "topics.yaml").write_text(TOPICS)
        self.environment = clean_environment(
            LIFECYCLE_DATABASE_URL=warehouse.url.render_as_string(hide_password=False), LIFECYCLE_MODE=mode,
            SENDGRID_BASE_URL=simulator.url, SENDGRID_API_KEY=API_KEY, PATH=os.environ["PATH"],
            LIFECYCLE_TOPICS_FILE=str(folder / "topics.yaml"),
        )  # fmt: skip
        self.settings = Settings.from_environment(self.environment)
        self.installation = open_installation(self.settings)

    def listed(self, *names: str | int, at: datetime = NOON) -> None:
        for name in names:
            body = {"list": name, "emails": [ADDRESS], "created": int(at.timestamp())}
            self.simulator.client.post("/simulator/suppressions", json=body).raise_for_status()

    def at_provider(self) -> set[str]:
        """The lists of SendGrid that hold the address."""
        client = self.simulator.client
        found = {name for name in ALL_LISTS for row in client.get(f"/v3/suppression/{name}").json() if row["email"]}
        return found | {
            str(row["group_id"]) for row in client.get("/v3/asm/suppressions").json() if row["email"] == ADDRESS
        }

    def in_force(self) -> set[tuple[str, str]]:
        query = "select scope, reason from event.suppression where lifted_at is null and address = :address"
        with self.warehouse.connect() as connection:
            return set(rows(connection, query, address=ADDRESS))

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "lifecycle_mail", "suppressions", "lift", *words],
            env=self.environment, capture_output=True, text=True, check=False,
        )  # fmt: skip

    def report(self, kind: str, at: datetime, name: str, **more: Any) -> None:
        event = {"email": ADDRESS, "timestamp": int(at.timestamp()), "event": kind, "sg_event_id": name, **more}
        (self.folder / f"{name}.ndjson").write_bytes(orjson.dumps(event) + b"\n")
        self.installation.ingest(self.folder / f"{name}.ndjson")


@pytest.fixture
def world(warehouse: Engine, shared: Service, tmp_path: Path) -> World:
    shared.client.post("/simulator/suppression-faults", json={}).raise_for_status()
    shared.client.post("/simulator/reset").raise_for_status()
    return World(warehouse, shared, tmp_path)


def test_a_lift_is_whole_and_logged(world: World) -> None:
    """Bounce, complaint, drop and opt-outs are lifted, and the address is off every list of SendGrid but the other
    application's. The log says who, when, why and what. The next sync brings nothing back. Again there is nothing."""
    world.listed(*ALL_LISTS, 1001, 77)
    pull(world.warehouse, world.settings, world.installation.topics, now=datetime.now(UTC))
    before = {("all", one) for one in ("hard_bounce", "dropped", "complaint", "unsubscribed")}
    assert world.in_force() == {*before, ("topic:reminders", "unsubscribed")}

    done = world.command(ADDRESS.upper(), "--because", "the provider's mistake", "--by", "support")
    assert done.returncode == 0, done.stderr
    assert world.in_force() == set()
    assert world.at_provider() == {"77"}
    with world.warehouse.connect() as connection:
        (logged,) = rows(
            connection, "select address, lifted_by, because, reasons, lifted, taken_off, lifted_at from"
            " event.suppression_lift"
        )  # fmt: skip
    assert logged[:4] == (ADDRESS, "support", "the provider's mistake", None)
    assert set(logged[4]) == {f"all {reason}" for _, reason in before} | {"topic:reminders unsubscribed"}
    assert set(logged[5]) == {*ALL_LISTS, "group 1001"}
    assert abs(datetime.now(UTC) - logged[6]) < timedelta(minutes=5)
    pull(world.warehouse, world.settings, world.installation.topics, now=datetime.now(UTC))
    assert world.in_force() == set()
    again = world.command(ADDRESS, "--because", "again")
    assert again.returncode == 1
    assert "nothing to lift" in again.stderr
    assert "ann" not in again.stdout + again.stderr + done.stdout + done.stderr


def test_only_one_kind_is_lifted(world: World) -> None:
    """A bounce by mistake does not bring back who left."""
    world.listed("bounces", "unsubscribes")
    pull(world.warehouse, world.settings, world.installation.topics, now=datetime.now(UTC))
    assert world.command(ADDRESS, "--because", "mistake", "--only", "bounces").returncode == 0
    assert world.in_force() == {("all", "unsubscribed")}
    assert world.at_provider() == {"unsubscribes"}
    assert world.command(ADDRESS, "--because", "mistake", "--only", "bounced").returncode == 2


def test_words_from_before_the_lift_stay_lifted_and_later_ones_count(world: World) -> None:
    """The webhook was late: a bounce and a complaint from before the lift come in after it, and nothing is in force.
    What is said later is. A kind that was not lifted is not touched."""
    world.listed("bounces", "spam_reports")
    assert world.command(ADDRESS, "--because", "mistake", "--only", "bounces", "--only", "complaints").returncode == 0
    world.report("bounce", NOON, "b1", type="bounce")
    world.report("spamreport", NOON, "s1")
    assert world.in_force() == set()
    world.report("unsubscribe", NOON, "u1")
    world.report("bounce", datetime.now(UTC) + timedelta(hours=1), "b2", type="bounce")
    assert world.in_force() == {("all", "unsubscribed"), ("all", "hard_bounce")}


def test_nothing_is_lifted_here_while_the_provider_still_lists_it(world: World) -> None:
    """SendGrid refuses or is away: an error, no lift and no row in the log. The next run does it all."""
    world.report("bounce", NOON, "b1", type="bounce")
    world.listed("bounces")

    class Away(httpx.HTTPTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            return httpx.Response(403) if request.method == "DELETE" else super().handle_request(request)

    said: dict[str, Any] = {"by": "support", "because": "mistake", "now": datetime.now(UTC)}
    with (
        SuppressionLists(world.settings, sleep=lambda seconds: None, transport=Away()) as lists,
        pytest.raises(SyncError, match="refused the key for /v3/suppression/bounces/<address>") as caught,
    ):
        lift(world.warehouse, world.settings, world.installation.topics, ADDRESS, lists=lists, **said)
    assert "ann" not in str(caught.value)
    assert world.in_force() == {("all", "hard_bounce")}
    with world.warehouse.connect() as connection:
        assert rows(connection, "select * from event.suppression_lift") == []
    lift(world.warehouse, world.settings, world.installation.topics, ADDRESS, **said)
    assert world.in_force() == set()
    assert world.at_provider() == set()


def test_preview_lifts_here_and_asks_nobody(warehouse: Engine, shared: Service, tmp_path: Path) -> None:
    """The line says that SendGrid was not asked."""
    world = World(warehouse, shared, tmp_path, "preview")
    with warehouse.begin() as connection:
        insert(
            connection, "event.suppression", address=ADDRESS, scope="all", reason="sunset", suppressed_at=NOON,
            source="operator",
        )  # fmt: skip
    done = world.command(ADDRESS, "--because", "came back")
    assert (done.returncode, world.in_force()) == (0, set())
    assert "were not asked" in done.stdout


def test_an_address_has_no_place_in_the_log_s_words(world: World) -> None:
    """Who and why are kept for good: an address in them is refused, as is a lift without an address or a reason."""
    for words in (
        (ADDRESS, "--because", "ann@example.com asked"), (ADDRESS, "--because", "x", "--by", "me@example.com"),
        ("ann", "--because", "x"), (ADDRESS, "--because", " "), (ADDRESS,),
    ):  # fmt: skip
        assert world.command(*words).returncode == 2
