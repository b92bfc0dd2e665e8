"""Every DAG by `dag.test()`, in the order of the path, on a real warehouse with a tiny shop."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine
from tiny_shop import write_feeds

import running_services
from airflow_world import Person, people, write_carts
from lifecycle_mail.sources import load_feeds
from local_stack.processes import wait_until

REPOSITORY = Path(__file__).resolve().parents[2]
CAMPAIGN = "campaign__cart_abandoned"


Plan = list[tuple[str, dict[str, Any], bool]]


class OneAirflow:
    """A process that has imported Airflow and made its metadata; it runs the DAGs of one test after the other."""

    def __init__(self, folder: Path, metadata_url: str) -> None:
        (folder / "airflow").mkdir()
        self.log = folder / "airflow.log"
        environment = {
            "PYTHONPATH": str(REPOSITORY / "include"),
            "AIRFLOW_HOME": str(folder / "airflow"),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": metadata_url.replace("postgresql://", "postgresql+psycopg2://"),
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",  # a paused DAG's campaign is not mailed
        }
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(Path(__file__).with_name("run_dags.py")), "--serve"],
                env={**os.environ, **environment}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
            )  # fmt: skip

    def run(self, environment: dict[str, str], plan: Plan) -> list[dict[str, Any]]:
        """Run the DAGs of a plan with this environment; return what became of each."""
        return self.run_and_log(environment, plan)[0]

    def run_and_log(self, environment: dict[str, str], plan: Plan) -> tuple[list[dict[str, Any]], str]:
        """Return what all of it wrote too."""
        return self._asked(environment, plan=plan)

    def start(self, what: str, **environment: str) -> dict[str, int]:
        """Let a component or a task start as far as listeners see; return pool → slots."""
        return dict(self._asked(environment, starting=what)[0])

    def _asked(self, environment: dict[str, str], **what: Any) -> tuple[list[Any], str]:
        already = len(self.log.read_bytes())
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        asked = {"environment": environment, "log": str(self.log), **what}
        print(json.dumps(asked), file=self.process.stdin, flush=True)
        results = self._answer()
        log = self.log.read_bytes()[already:].decode()
        assert results, log[-3000:]
        return list(results), log

    def _answer(self) -> Any:
        """The next line of results; lines that Airflow prints before the first request are skipped."""
        assert self.process.stdout is not None
        lines = (line for line in self.process.stdout if line.startswith("RESULTS "))
        return json.loads(next(lines, "RESULTS null").removeprefix("RESULTS "))


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory, metadata_url: str) -> Iterator[OneAirflow]:
    """One Airflow for all tests of this file; each test has its own warehouse, feeds and campaigns."""
    one = OneAirflow(tmp_path_factory.mktemp("one"), metadata_url)
    yield one
    one.process.kill()
    one.process.communicate()


@pytest.fixture
def settings(tmp_path: Path, warehouse_url: str) -> dict[str, str]:
    """The environment of the tasks: a warehouse, the feeds of a tiny shop, the campaign without a holdout."""
    for name in ("events", "feeds", "campaigns"):
        (tmp_path / name).mkdir()
    write_feeds(tmp_path / "feeds", dt.datetime.now(dt.UTC))
    text = (REPOSITORY / "include" / "campaigns" / "cart_abandoned.yaml").read_text()
    (tmp_path / "campaigns" / "cart_abandoned.yaml").write_text(text.replace("holdout: 0.05", "holdout: 0"))
    return {
        "LIFECYCLE_DATABASE_URL": warehouse_url,
        "LIFECYCLE_MODE": "simulate",
        "LIFECYCLE_EVENTS_DIR": str(tmp_path / "events"),
        "LIFECYCLE_FEEDS_DIR": str(tmp_path / "feeds"),
        "LIFECYCLE_CAMPAIGNS_DIR": str(tmp_path / "campaigns"),
        "SENDGRID_API_KEY": running_services.API_KEY,
    }


def _rows(warehouse: Engine, query: str) -> list[tuple[object, ...]]:
    with warehouse.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.text(query))]


def test_airflow_makes_the_pool(airflow: OneAirflow) -> None:
    """A task of a pool that does not exist never runs. Airflow's components make the pool when they start, with the
    slots of the setting. The process of a task makes none, and a pool that is there keeps its slots."""
    assert airflow.start("task") == {"default_pool": 128}
    assert airflow.start("job", SENDGRID_POOL_SLOTS="3") == {"default_pool": 128, "sendgrid": 3}
    assert airflow.start("job", SENDGRID_POOL_SLOTS="9") == {"default_pool": 128, "sendgrid": 3}


def test_every_dag_runs(
    tmp_path: Path, airflow: OneAirflow, settings: dict[str, str], warehouse: Engine
) -> None:
    """Each DAG succeeds, a second run changes nothing, and XCom holds counts and nothing personal."""
    hour = dt.datetime.now(dt.UTC).replace(minute=0, second=0, microsecond=0)
    plan = [
        ("load_sources", {}, True),
        (CAMPAIGN, {"as_of": hour.isoformat()}, False),
        (CAMPAIGN, {}, True),
        ("deliver_messages", {}, False),
        ("deliver_messages", {}, False),
        ("ingest_events", {}, False),
        ("roll_up_kpis", {"full": True}, False),
        ("maintain_partitions", {}, False),
        ("sync_suppressions", {}, False),
        ("sync_suppressions", {}, False),
        ("erase_customer", {"customer_id": "bought-it"}, False),
        ("erase_customer", {"customer_id": "bought-it"}, False),
        (CAMPAIGN, {}, False),
    ]
    with running_services.running_simulator(tmp_path / "simulator") as simulator:
        runs = airflow.run({**settings, "SENDGRID_BASE_URL": simulator.url}, plan)
        accepted = simulator.client.get("/simulator/accepted/count").json()
    no_period = runs.pop()
    assert [(run["dag_id"], run["state"]) for run in runs] == [(name, "success") for name, *_ in plan[:-1]]
    # Neither a period nor as_of: refused at once, without retries, and nothing after it runs.
    assert no_period["state"] == "failed"
    assert no_period["tasks"]["refresh_segment"] == ["failed"]
    assert no_period["tasks"]["enroll"] == ["upstream_failed"]

    assert set(accepted.values()) == {1}
    assert _rows(warehouse, "select customer_id, state from message.message") == [("left-a-cart", "accepted")]
    assert _rows(warehouse, "select count(*) from journey.enrollment where campaign = 'cart_abandoned'") == [(2,)]
    erased = "select customer_id, email from source.customer where erased_at is not null"
    assert _rows(warehouse, erased) == [("bought-it", None)]
    assert [run["xcoms"]["erase/return_value"] for run in runs[-2:]] == [[{"erased": 1}], [{"erased": 0}]]
    _check_xcoms(runs)


def _check_xcoms(runs: list[dict[str, Any]]) -> None:
    """Every task that returned something returned a flat dict of numbers."""
    values = [(run["dag_id"], name, value) for run in runs for name, found in run["xcoms"].items() for value in found]
    returned = [value for *_, name, value in values if name.endswith("/return_value")]
    assert len(returned) >= 15
    for value in returned:
        assert {type(number) for number in value.values()} <= {int}, value
    assert "@" not in json.dumps([value for _, name, value in values if not name.endswith("skipmixin_key")])


def test_a_load_with_a_refused_file_is_red_and_loads_the_rest(
    tmp_path: Path, airflow: OneAirflow, settings: dict[str, str], warehouse: Engine
) -> None:
    """`load` succeeds, so campaigns go on. `check` fails, so that the operator looks."""
    (tmp_path / "feeds" / "orders.csv").write_text("no header of orders\n")
    (run,) = airflow.run(settings, [("load_sources", {}, True)])
    assert (run["state"], run["tasks"]) == ("failed", {"load": ["success"], "check": ["failed"]})
    assert len(_rows(warehouse, "select customer_id from source.customer")) > 0


def test_runs_again_and_runs_of_the_past_mail_nobody(
    tmp_path: Path, airflow: OneAirflow, settings: dict[str, str], warehouse: Engine
) -> None:
    """The same period again mails no customer a second time. A past period, as a backfill runs it, uses nothing up.

    Its log says in one line what it would have planned.
    """
    now = dt.datetime.now(dt.UTC)
    month_ago = now - dt.timedelta(days=35)
    write_carts(tmp_path / "feeds", [*people("cart", 3), _born("present", now), _born("past", month_ago)], now)
    text = (REPOSITORY / "include" / "campaigns" / "birthday.yaml").read_text()
    (tmp_path / "campaigns" / "birthday.yaml").write_text(text.replace("holdout: 0.05", "holdout: 0"))
    plan: Plan = [
        ("load_sources", {}, True),
        (CAMPAIGN, {"as_of": now.isoformat()}, False),
        ("deliver_messages", {}, False),
        (CAMPAIGN, {"as_of": now.isoformat()}, False),
        ("campaign__birthday", {"as_of": month_ago.isoformat()}, False),
        ("campaign__birthday", {"as_of": month_ago.isoformat()}, False),
        ("deliver_messages", {}, False),
    ]
    with running_services.running_simulator(tmp_path / "simulator") as simulator:
        runs, log = airflow.run_and_log({**settings, "SENDGRID_BASE_URL": simulator.url}, plan)
        accepted = simulator.client.get("/simulator/accepted/count", params={"distinct": 1}).json()
    assert {run["state"] for run in runs} == {"success"}
    assert (accepted["recipients"], accepted["distinct_message_ids"]) == (5, 5)
    assert set(_rows(warehouse, "select campaign, state from message.message")) == {("cart_abandoned", "accepted")}
    for table in ("journey.enrollment", "decision.decision", "message.message"):
        assert _rows(warehouse, f"select * from {table} where campaign = 'birthday'") == []  # noqa: S608
    late = f"late: campaign birthday: the run for {month_ago:%Y-%m-%d %H:%M:%S} UTC is 840 hours old, and late after"
    assert log.count(late) == 2
    assert "in time it would have enrolled 1 customers, decided 1 steps and planned 1 mails" in log


def test_a_period_waits_for_its_load(airflow: OneAirflow, settings: dict[str, str], warehouse: Engine) -> None:
    """Both start at the tick: the campaign's run looks, waits off its worker, and plans after the load, on its facts.

    A load from before the period's end does not count.
    """
    with warehouse.begin() as connection:
        before = dt.datetime.now(dt.UTC) - dt.timedelta(hours=2)
        finished = "insert into source.load (started_at, finished_at) values (:at, :at)"
        connection.execute(sa.text(finished), {"at": before})
    already = len(airflow.log.read_bytes())

    def load_once_it_waits() -> None:
        wait_until(lambda: b"not planned yet" in airflow.log.read_bytes()[already:], "the run does not wait", 120)
        load_feeds(warehouse, Path(settings["LIFECYCLE_FEEDS_DIR"]), link_secret="x")

    loading = threading.Thread(target=load_once_it_waits)
    loading.start()
    runs, log = airflow.run_and_log(settings, [(CAMPAIGN, {}, True)])
    loading.join()
    assert runs[0]["state"] == "success"
    assert runs[0]["tasks"]["wait_for_load"] == ["success"]
    hour = dt.datetime.now(dt.UTC).replace(minute=0)
    assert f"not planned yet: no load that began at {hour:%Y-%m-%d %H:%M} UTC or later is done" in log
    assert _rows(warehouse, "select customer_id from message.message") == [("left-a-cart",)]


def _born(name: str, day: dt.datetime) -> Person:
    """A person whose birthday comes three days after `day`: the wish goes out a week before it."""
    return Person(name, f"{name}@example.com", birthday=f"1980-{day + dt.timedelta(days=3):%m-%d}")


def test_a_stopped_campaign_is_red_and_says_why(
    tmp_path: Path, airflow: OneAirflow, settings: dict[str, str], warehouse: Engine
) -> None:
    """The delivery in which a breaker trips has a red `report_stops`; its campaign's `report_stop` is red until it
    resumes."""
    now = dt.datetime.now(dt.UTC)
    write_carts(tmp_path / "feeds", people("cart", 12), now)
    load_feeds(warehouse, tmp_path / "feeds", link_secret="link-secret")
    with warehouse.begin() as connection:  # what the provider refuses and the feeds let through
        connection.execute(sa.text("update source.customer set email = 'nobody' where customer_id like 'cart-1%'"))
    topics = tmp_path / "topics.yaml"
    text = (REPOSITORY / "include" / "topics.yaml").read_text()
    limits = "permissions: [confirmed]\n    limits: {minimum: 3, rejection_rate: 0.1}\n"
    topics.write_text(text.replace("permissions: [confirmed]\n", limits))
    plan: Plan = [
        (CAMPAIGN, {"as_of": now.isoformat()}, False),
        ("deliver_messages", {}, False),
        ("deliver_messages", {}, False),
        (CAMPAIGN, {"as_of": now.isoformat()}, False),
    ]
    with running_services.running_simulator(tmp_path / "simulator") as simulator:
        own = {"SENDGRID_BASE_URL": simulator.url, "LIFECYCLE_TOPICS_FILE": str(topics)}
        runs, log = airflow.run_and_log({**settings, **own}, plan)
        accepted = simulator.client.get("/simulator/accepted/count").json()
    assert [run["state"] for run in runs] == ["success", "failed", "success", "failed"]
    assert runs[1]["tasks"]["report_stops"] == ["failed"]
    assert set(runs[1]["tasks"]["deliver"]) == {"success"}
    assert [runs[3]["tasks"][name] for name in ("write_messages", "report_stop")] == [["success"], ["failed"]]
    assert "the breaker stopped campaign cart_abandoned at" in log
    assert "rejection rate 100.00% (3 of 3) is above 10.00%: find the cause" in log
    assert "not sent: paused (breaker): campaign:cart_abandoned" in log
    assert accepted["recipients"] == 0
    assert set(_rows(warehouse, "select state, count(*) from message.message group by state")) == {
        ("rejected", 3),
        ("planned", 9),
    }


def test_the_future_is_red_at_once_and_writes_nothing(
    airflow: OneAirflow, settings: dict[str, str], warehouse: Engine
) -> None:
    """A campaign run with a mistyped year fails in its first task with the line in its log; nothing is planned."""
    next_year = dt.datetime.now(dt.UTC) + dt.timedelta(days=365)
    plan: Plan = [("load_sources", {}, True), (CAMPAIGN, {"as_of": next_year.isoformat()}, False)]
    runs, log = airflow.run_and_log(settings, plan)
    assert [run["state"] for run in runs] == ["success", "failed"]
    assert runs[1]["tasks"]["refresh_segment"] == ["failed"]
    assert f"the end of this run's period {next_year:%Y-%m-%d %H:%M:%S} UTC is in the future" in log
    planned = ("journey.campaign", "segment.membership", "journey.enrollment", "journey.planning", "message.message")
    for table in planned:
        assert _rows(warehouse, f"select * from {table}") == []  # noqa: S608


def test_a_campaign_that_has_not_planned_is_red_in_delivery(
    airflow: OneAirflow, settings: dict[str, str], warehouse: Engine
) -> None:
    """An unpaused campaign without a planning for three hours turns `report_overdue` red; one that plans is green."""
    three_hours_ago = dt.datetime.now(dt.UTC) - dt.timedelta(hours=3)
    with warehouse.begin() as connection:
        watched = "insert into journey.planning (campaign, counted_from) values ('cart_abandoned', :since)"
        connection.execute(sa.text(watched), {"since": three_hours_ago})
    now = dt.datetime.now(dt.UTC).isoformat()
    plan: Plan = [("deliver_messages", {}, False), (CAMPAIGN, {"as_of": now}, False), ("deliver_messages", {}, False)]
    runs, log = airflow.run_and_log({**settings, "LIFECYCLE_MODE": "preview"}, plan)
    assert [run["state"] for run in runs] == ["failed", "success", "success"]
    assert [runs[0]["tasks"][name] for name in ("report_stops", "report_overdue")] == [["success"], ["failed"]]
    assert f"campaign cart_abandoned has not planned since {three_hours_ago:%Y-%m-%d %H:%M} UTC" in log


def test_mails_that_wait_for_an_approval_are_red(
    airflow: OneAirflow, settings: dict[str, str], warehouse: Engine
) -> None:
    """In live mode a campaign without approval plans and sends nothing, and its DAG says what to do."""
    hour = dt.datetime.now(dt.UTC).replace(minute=0, second=0, microsecond=0)
    plan: Plan = [("load_sources", {}, True), (CAMPAIGN, {"as_of": hour.isoformat()}, False)]
    live = {**settings, "LIFECYCLE_MODE": "live", "LIFECYCLE_DEFAULT_ZONE": "UTC"}
    runs, log = airflow.run_and_log(live, plan)
    assert [runs[1]["tasks"][name] for name in ("write_messages", "report_stop")] == [["success"], ["failed"]]
    assert "1 planned mails of campaign cart_abandoned wait for an approval of its present definition" in log
    assert "`campaign approve cart_abandoned --by WHO`" in log


def test_live_plans_nothing_without_a_default_zone(
    airflow: OneAirflow, settings: dict[str, str], warehouse: Engine
) -> None:
    """The first task of planning is red, and its log says which setting to give."""
    plan: Plan = [(CAMPAIGN, {"as_of": dt.datetime.now(dt.UTC).isoformat()}, False)]
    runs, log = airflow.run_and_log({**settings, "LIFECYCLE_MODE": "live"}, plan)
    assert runs[0]["tasks"]["refresh_segment"] == ["failed"]
    assert "mode live needs LIFECYCLE_DEFAULT_ZONE: give the IANA zone" in log
    assert _rows(warehouse, "select campaign from journey.planning") == []
