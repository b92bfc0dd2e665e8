"""One true run through Airflow: api-server, dag-processor, scheduler, task processes, PostgreSQL, real HTTP.

`dag.test()` lets a task do what a real one may not (reach Airflow's tables), and knows neither assets nor
pauses. So once, everything runs as in production: feeds → campaign → deliver to the simulator → signed events
through the collector → KPIs, each DAG started by its schedule or by the asset before it.
"""

from __future__ import annotations

import base64
import datetime as dt
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy.engine import Engine
from tiny_shop import write_feeds

import running_services
from local_stack.airflow import AirflowStack
from local_stack.processes import free_port, wait_until

pytestmark = [pytest.mark.scheduler, pytest.mark.timeout(420)]

REPOSITORY = Path(__file__).resolve().parents[2]
CAMPAIGN = "campaign__cart_abandoned"
LINK_SECRET = "link-secret-of-the-scheduler-test"


@dataclass
class World:
    """Everything that runs for the test."""

    airflow: AirflowStack
    simulator: running_services.Service
    collector: running_services.Service
    campaigns: Path

    def import_errors(self) -> dict[str, str]:
        """Airflow's import errors, by the name of the DAG file."""
        return {Path(name).name: text for name, text in self.airflow.import_errors().items()}


@pytest.fixture
def world(tmp_path: Path, metadata_url: str, warehouse_url: str) -> Iterator[World]:
    """Simulator, collector and Airflow around one warehouse, with the feeds of a tiny shop."""
    events, feeds, campaigns = (tmp_path / name for name in ("events", "feeds", "campaigns"))
    events.mkdir()
    feeds.mkdir()
    write_feeds(feeds, dt.datetime.now(dt.UTC))
    _copy_campaigns(campaigns)
    with _provider(tmp_path, events) as (simulator, collector):
        environment = {
            "LIFECYCLE_DATABASE_URL": warehouse_url,
            "LIFECYCLE_MODE": "simulate",
            "LIFECYCLE_LINK_SECRET": LINK_SECRET,
            "LIFECYCLE_EVENTS_DIR": str(events),
            "LIFECYCLE_FEEDS_DIR": str(feeds),
            "LIFECYCLE_CAMPAIGNS_DIR": str(campaigns),
            "SENDGRID_BASE_URL": simulator.url,
            "SENDGRID_API_KEY": running_services.API_KEY,
            "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "10",
            "AIRFLOW__DAG_PROCESSOR__STALE_DAG_THRESHOLD": "5",
            "AIRFLOW__SCHEDULER__PARSING_CLEANUP_INTERVAL": "5",
        }
        airflow = AirflowStack(tmp_path / "stack", metadata_url, environment, free_port())
        try:
            airflow.start(components=("api-server", "dag-processor", "scheduler"))
            airflow.wait_healthy()
            yield World(airflow, simulator, collector, campaigns)
        finally:
            airflow.stop()


@contextmanager
def _provider(
    folder: Path, events: Path
) -> Iterator[tuple[running_services.Service, running_services.Service]]:
    """The simulator, posting signed events to the collector that checks them."""
    private_key = ec.generate_private_key(ec.SECP256R1())
    key_file = folder / "webhook_key.pem"
    key_file.write_bytes(
        private_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    public_key = private_key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    settings = {
        "SENDGRID_WEBHOOK_PUBLIC_KEY": base64.b64encode(public_key).decode(),
        "LIFECYCLE_LINK_SECRET": LINK_SECRET,
    }
    with running_services.running_collector(events, **settings) as collector:
        webhook = ("--webhook-url", f"{collector.url}/events", "--private-key", str(key_file))
        with running_services.running_simulator(folder / "simulator", *webhook) as simulator:
            yield simulator, collector


def _copy_campaigns(folder: Path) -> None:
    """The campaign under test, without a holdout (with three customers chance would decide), and another."""
    folder.mkdir()
    for name in ("cart_abandoned", "birthday"):
        shutil.copy(REPOSITORY / "include" / "campaigns" / f"{name}.yaml", folder)
    file = folder / "cart_abandoned.yaml"
    file.write_text(file.read_text().replace("holdout: 0.05", "holdout: 0"))


def _rows(warehouse: Engine, query: str) -> list[tuple[object, ...]]:
    with warehouse.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.text(query))]


def _log_text(airflow: AirflowStack) -> str:
    files = [*airflow.home.rglob("*.log")]
    return "\n".join(file.read_text(errors="replace") for file in files)


def test_feeds_become_mails_and_mails_become_numbers(world: World, warehouse: Engine) -> None:
    """Each DAG runs by its schedule or asset, and the warehouse holds exactly what the tiny shop implies."""
    airflow = world.airflow
    airflow.ensure_pool("sendgrid", 2, "Requests to SendGrid at the same time")
    airflow.unpause(["load_sources"])
    load = airflow.wait_new_run("load_sources", "scheduled")
    assert (load.state, airflow.task_states(load)) == ("success", {"load": "success"})

    airflow.unpause(["roll_up_kpis", "ingest_events", "deliver_messages", CAMPAIGN])
    plan = airflow.wait_new_run(CAMPAIGN, "scheduled")
    assert plan.state == "success", airflow.task_states(plan)
    sent = airflow.wait_new_run("deliver_messages", "asset_triggered")
    assert sent.state == "success", airflow.task_states(sent)
    _check_mails(warehouse, world)

    running_services.settle(world.simulator)
    before = airflow.runs("ingest_events")
    rolled_before = airflow.runs("roll_up_kpis")
    airflow.announce("lifecycle_event_files")
    assert airflow.wait_new_run("ingest_events", "asset_triggered", before).state == "success"
    assert airflow.wait_new_run("roll_up_kpis", "asset_triggered", rolled_before).state == "success"
    _check_numbers(warehouse)

    _check_the_outbox_is_linked(world)
    _check_airflow_holds_nothing_personal(airflow)
    _check_a_broken_campaign(world)


def _check_mails(warehouse: Engine, world: World) -> None:
    """One mail, to the one who left a cart and said yes; the other two have their reasons."""
    assert _rows(
        warehouse, "select customer_id, step, state from message.message where campaign = 'cart_abandoned'"
    ) == [("left-a-cart", "reminder", "accepted")]
    assert set(world.simulator.client.get("/simulator/accepted/count").json().values()) == {1}
    assert set(_rows(warehouse, "select customer_id, outcome, reason from decision.decision")) == {
        ("left-a-cart", "send", "eligible"),
        ("never-said-yes", "skip", "no_permission"),
    }
    # The other campaign's DAG was never unpaused: its pause has become a flag, and only its.
    assert _rows(warehouse, "select scope, reason from delivery.pause") == [("campaign:birthday", "dag")]


def _check_numbers(warehouse: Engine) -> None:
    """Events came back through the collector, and the KPI row of the campaign counts the one mail."""
    kinds = {kind for (kind,) in _rows(warehouse, "select event from event.event")}
    assert "processed" in kinds
    assert _rows(
        warehouse,
        "select campaign, step, sum(accepted), sum(delivered + bounced_hard + bounced_soft + dropped) >= 0"
        " from kpi.campaign_daily where accepted > 0 group by campaign, step",
    ) == [("cart_abandoned", "reminder", 1, True)]


def _check_the_outbox_is_linked(world: World) -> None:
    """Airflow's API server has loaded the plugin, without an error, with a link to the simulator's outbox."""
    plugins = {plugin["name"]: plugin for plugin in world.airflow.get("plugins", limit=100)["plugins"]}
    links = [view["href"] for view in plugins["lifecycle_mail"]["external_views"]]
    assert links == [f"{world.simulator.url}/"]
    assert world.airflow.get("plugins/importErrors")["import_errors"] == []


def _check_airflow_holds_nothing_personal(airflow: AirflowStack) -> None:
    """XCom holds counts alone, and neither it nor any log holds an address or the name of a customer."""
    entries = airflow.get("dags/~/dagRuns/~/taskInstances/~/xcomEntries", limit=200)["xcom_entries"]
    assert len(entries) >= 8
    for entry in entries:
        path = (
            f"dags/{entry['dag_id']}/dagRuns/{entry['run_id']}/taskInstances/{entry['task_id']}"
            f"/xcomEntries/{entry['key']}"
        )
        value = airflow.get(path, map_index=entry["map_index"], deserialize="true")["value"]
        assert isinstance(value, dict), entry
        assert {type(number) for number in value.values()} <= {int}, entry
    text = _log_text(airflow)
    assert "refresh_segment" in text
    for personal in ("left-a-cart@", "bought-it@", "never-said-yes@", LINK_SECRET, running_services.API_KEY):
        assert personal not in text


def _check_a_broken_campaign(world: World) -> None:
    """A typo in one campaign's file: its DAG goes, the error is shown, the other campaign stays scheduled."""
    airflow, file = world.airflow, world.campaigns / "birthday.yaml"
    text = file.read_text()
    file.write_text(text.replace("priority:", "priorty:"))
    wait_until(lambda: "broken_campaigns.py" in world.import_errors(), "no import error", 60)
    assert "did you mean 'priority'" in world.import_errors()["broken_campaigns.py"]
    wait_until(lambda: "campaign__birthday" not in airflow.dags(), "the broken DAG stays", 60)
    assert set(world.import_errors()) == {"broken_campaigns.py"}
    assert airflow.dags()[CAMPAIGN] is False
    file.write_text(text)
    wait_until(lambda: not world.import_errors(), "the import error stays", 60)
    airflow.wait_dags(["campaign__birthday"], 60)
    assert airflow.dags()[CAMPAIGN] is False
