"""True runs through Airflow: api-server, dag-processor, scheduler, task processes, PostgreSQL, real HTTP.

`dag.test()` lets a task do what a real one may not (reach Airflow's tables), and knows neither assets nor
pauses. So once, everything runs as in production: feeds → campaign → deliver to the simulator → signed events
through the collector → KPIs, each DAG started by its schedule or by the asset before it.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine
from tiny_shop import FIRST_NAME, write_feeds

import running_services
from airflow_world import LINK_SECRET, AirflowWorld, cloned_warehouse, running_world
from local_stack.airflow import Run
from local_stack.processes import wait_until
from privacy import columns_of, files_below, leaks

pytestmark = [pytest.mark.scheduler, pytest.mark.story, pytest.mark.timeout(600)]

CAMPAIGN = "campaign__cart_abandoned"
SECONDS_TO_READ = 5
"""An answer that comes before the process that asked has ended fails the task, and Airflow asks again minutes later."""


@pytest.fixture(scope="module")
def world(
    tmp_path_factory: pytest.TempPathFactory, server_url: str, template_database: str
) -> Iterator[AirflowWorld]:
    """Simulator, collector and Airflow, at DEBUG, around one warehouse, with the feeds of a tiny shop.

    All tests of this file share one world, because starting it takes as long as what they look at.
    """
    folder = tmp_path_factory.mktemp("world")
    with (
        cloned_warehouse(server_url, template_database) as warehouse_url,
        running_world(folder, server_url, warehouse_url, AIRFLOW__LOGGING__LOGGING_LEVEL="DEBUG") as running,
    ):
        write_feeds(folder / "feeds", dt.datetime.now(dt.UTC))
        yield running


def _import_errors(world: AirflowWorld) -> dict[str, str]:
    """Airflow's import errors, by the name of the DAG file."""
    return {Path(name).name: text for name, text in world.airflow.import_errors().items()}


def _rows(warehouse: Engine, query: str) -> list[tuple[object, ...]]:
    with warehouse.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.text(query))]


def test_feeds_become_mails_and_mails_become_numbers(world: AirflowWorld) -> None:
    """Each DAG runs by its schedule or asset, and the warehouse holds exactly what the tiny shop implies."""
    airflow, warehouse = world.airflow, world.warehouse
    airflow.unpause(["load_sources"])
    load = airflow.wait_new_run("load_sources", "scheduled")
    assert (load.state, airflow.task_states(load)) == ("success", {"load": "success", "check": "success"})

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
    _check_airflow_holds_nothing_personal(world)
    _check_a_broken_campaign(world)


def test_a_run_for_the_future_fails_and_holds_up_nobody(world: AirflowWorld) -> None:
    """A run with a logical date of next year fails when it starts. A run that waits for next year fails when any other
    run starts. Both say why in the run's note. The DAGs' next runs start at once, by hand and by schedule."""
    airflow, next_year = world.airflow, dt.datetime.now(dt.UTC) + dt.timedelta(days=365)
    airflow.unpause(["load_sources", CAMPAIGN])
    for dag_id in ("load_sources", CAMPAIGN):
        assert airflow.wait_new_run(dag_id, "scheduled").state == "success"

    dated = _trigger(world, CAMPAIGN, logical_date=next_year.isoformat())
    assert airflow.wait_run(dated, 120).state == "failed"
    assert set(airflow.task_states(dated).values()) == {"None"}
    assert _note(world, dated).startswith(f"this run's logical date {next_year:%Y-%m-%d %H:%M:%S} UTC is in the future")

    waiting = _trigger(world, "load_sources", logical_date=None, run_after=next_year.isoformat())
    assert world.run(CAMPAIGN, as_of=dt.datetime.now(dt.UTC).isoformat()).state == "success"
    assert airflow.wait_run(waiting, 120).state == "failed"
    assert _note(world, waiting).startswith(f"this run's run_after {next_year:%Y-%m-%d %H:%M:%S} UTC is in the future")
    assert world.run("load_sources").state == "success"
    wait_until(lambda: not _held_up(world), "Airflow makes no more scheduled runs", 120)


def test_a_wish_waits_for_a_person_and_then_runs(world: AirflowWorld) -> None:
    """A request shows its preview to a person. What is approved is computed by the next refresh; no answer is a no."""
    airflow = world.airflow
    airflow.unpause(["load_sources", "request_segment", "refresh_segments"])
    assert airflow.wait_new_run("load_sources", "scheduled").state == "success"
    fields = {"segment": "ordered_once", "what": "Ordered.", "owner": "crm", "all": "did: ordered, at_least: 1"}
    asked = _trigger(world, "request_segment", logical_date=None, conf=fields)
    decision = f"dags/request_segment/dagRuns/{asked.run_id}/taskInstances/decision/-1/hitlDetails"
    wait_until(lambda: airflow.task_states(asked)["decision"] == "awaiting_input", "the decision is asked for", 180)
    shown = airflow.get(decision)
    assert shown["defaults"] == ["Reject"]
    assert "Bought something." in shown["body"]
    assert "### What it would have done" in shown["body"]
    assert FIRST_NAME not in shown["body"]
    wait_until(lambda: airflow.task_states(asked)["replay"] == "success", "the last ninety days are computed", 180)
    time.sleep(SECONDS_TO_READ)
    airflow.request("PATCH", decision, json={"chosen_options": ["Approve"], "params_input": {"reason": "good"}})
    assert airflow.wait_run(asked, 180).state == "success", airflow.task_states(asked)
    request = "select version, decision, requested_by, decided_by, reason from segment.request"
    assert world.rows(request) == [(1, "approved", "admin", "admin", "good")]
    assert world.rows("select count(*) from segment.replay_daily") == [(90,)]
    assert world.run("refresh_segments", as_of=dt.datetime.now(dt.UTC).isoformat()).state == "success"
    buyers = world.rows("select count(distinct customer_id) from source.orders where status <> 'cancelled'")
    assert world.rows("select members from segment.size_daily where segment = 'ordered_once'") == buyers


def _trigger(world: AirflowWorld, dag_id: str, **body: object) -> Run:
    """Trigger a run as a REST client may, with any time it likes."""
    made = world.airflow.request("POST", f"dags/{dag_id}/dagRuns", json={"conf": {}, **body}).json()
    return next(run for run in world.airflow.runs(dag_id) if run.run_id == made["dag_run_id"])


def _note(world: AirflowWorld, run: Run) -> str:
    return str(world.airflow.get(f"dags/{run.dag_id}/dagRuns/{run.run_id}")["note"])


def _held_up(world: AirflowWorld) -> list[tuple[object, ...]]:
    """The DAGs for which the scheduler makes no run by schedule, because one is queued or running."""
    with world.metadata.connect() as connection:
        query = "select dag_id from dag where exceeds_max_non_backfill and not is_paused"
        return [tuple(row) for row in connection.execute(sa.text(query))]


def _check_mails(warehouse: Engine, world: AirflowWorld) -> None:
    """One mail goes to the customer who left a cart and said yes; the other two have their reasons."""
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


def _check_the_outbox_is_linked(world: AirflowWorld) -> None:
    """Airflow's API server has loaded the plugin, without an error, with a link to the simulator's outbox."""
    plugins = {plugin["name"]: plugin for plugin in world.airflow.get("plugins", limit=100)["plugins"]}
    links = [view["href"] for view in plugins["lifecycle_mail"]["external_views"]]
    assert links == [f"{world.simulator.url}/"]
    assert world.airflow.get("plugins/importErrors")["import_errors"] == []


def _check_airflow_holds_nothing_personal(world: AirflowWorld) -> None:
    """XCom holds counts alone; no file and no table of Airflow holds an address, a name, or a secret."""
    airflow = world.airflow
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
    logs, tables = files_below(airflow.home / "logs", airflow.airflow_home / "logs"), columns_of(world.metadata)
    assert any('"level":"debug"' in text for text in logs.values()), "DEBUG was off: the test proves little"
    assert "refresh_segment" in tables["public.xcom.task_id"]
    words = ["left-a-cart@", "bought-it@", "never-said-yes@", FIRST_NAME, LINK_SECRET, running_services.API_KEY]
    assert leaks({**logs, **tables}, words) == set()


def _check_a_broken_campaign(world: AirflowWorld) -> None:
    """A typo in one campaign's file: its DAG goes, the error is shown, the other campaign stays scheduled."""
    airflow, file = world.airflow, world.campaigns / "birthday.yaml"
    text = file.read_text()
    file.write_text(text.replace("priority:", "priorty:"))
    wait_until(lambda: "broken_campaigns.py" in _import_errors(world), "no import error", 180)
    assert "did you mean 'priority'" in _import_errors(world)["broken_campaigns.py"]
    wait_until(lambda: "campaign__birthday" not in airflow.dags(), "the broken DAG stays", 180)
    assert set(_import_errors(world)) == {"broken_campaigns.py"}
    assert airflow.dags()[CAMPAIGN] is False
    file.write_text(text)
    wait_until(lambda: not _import_errors(world), "the import error stays", 180)
    airflow.wait_dags(["campaign__birthday"], 180)
    assert airflow.dags()[CAMPAIGN] is False
