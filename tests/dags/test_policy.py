"""What every DAG of this product promises: documentation, owner, retries, limits, no surprise runs."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import DAG

REPOSITORY = Path(__file__).resolve().parents[2]
CAMPAIGNS = {f"campaign__{file.stem}" for file in (REPOSITORY / "include" / "campaigns").glob("*.yaml")}
PLAIN = {
    "deliver_messages",
    "erase_customer",
    "refresh_segments",
    "request_segment",
    "ingest_events",
    "list_hygiene",
    "load_sources",
    "maintain_partitions",
    "roll_up_kpis",
    "sync_suppressions",
}
KNOWN_TAGS = {"lifecycle-mail", "campaign", "delivery", "events", "kpis", "privacy", "segments", "sources", "upkeep"}


@pytest.fixture(scope="module")
def dags() -> dict[str, Any]:
    """Every DAG of dags/, by id."""
    bag = DagBag(str(REPOSITORY / "dags"))
    assert bag.import_errors == {}
    return dict(bag.dags)


@pytest.fixture(params=sorted(PLAIN | CAMPAIGNS))
def dag(request: pytest.FixtureRequest, dags: dict[str, Any]) -> DAG:
    """One DAG at a time."""
    return dags[request.param]


def test_exactly_these_dags(dags: dict[str, Any]) -> None:
    """The folder holds the seven plain DAGs and one DAG per campaign file, no more and no fewer."""
    assert set(dags) == PLAIN | CAMPAIGNS
    assert {"campaign__birthday", "campaign__cart_abandoned", "campaign__replenishment"} <= CAMPAIGNS


def test_runs_do_not_pile_up(dag: DAG) -> None:
    """One run at a time, and no run for the past when a DAG is switched on."""
    # Each request of a segment may wait for its person.
    assert dag.max_active_runs == (50 if dag.dag_id == "request_segment" else 1)
    assert dag.catchup is False


def test_every_dag_is_found_by_its_tags(dag: DAG) -> None:
    """Tags are of a known set; a campaign carries its topic and its owner."""
    plain = {tag for tag in dag.tags if ":" not in tag}
    assert "lifecycle-mail" in plain
    assert plain <= KNOWN_TAGS
    kinds = {tag.split(":")[0] for tag in dag.tags if ":" in tag}
    assert kinds == ({"topic", "owner"} if dag.dag_id in CAMPAIGNS else set())


def test_every_dag_explains_itself(dag: DAG) -> None:
    """The page says what, when and why, what a re-run does, and how to undo."""
    page = dag.doc_md or ""
    for part in ("**Schedule.**", "**To undo.**"):
        assert part in page
    assert re.search(r"\*\*A re-run\*\*", page)
    for name in dag.params:
        assert f"`{name}`" in page


def test_every_task_is_bounded_and_owned(dag: DAG) -> None:
    """Each task has an owner, a time limit and three retries that come further and further apart."""
    assert dag.tasks
    for task in dag.tasks:
        assert task.owner != "airflow"
        assert isinstance(_limit(task), dt.timedelta)
        assert task.retries == 3
        assert task.retry_exponential_backoff > 1
        assert task.max_retry_delay is not None
        assert task.retry_policy is not None


def test_every_run_has_a_time_limit(dags: dict[str, Any]) -> None:
    """No run holds up later ones for ever: each DAG has a limit, and within it every task may take its own time."""
    hours = {name: dag.dagrun_timeout / dt.timedelta(hours=1) for name, dag in dags.items()}
    assert hours == {
        **dict.fromkeys(CAMPAIGNS, 9),
        "deliver_messages": 6,
        "erase_customer": 3,
        "refresh_segments": 5,
        "request_segment": 192,  # it waits a week for a person
        "ingest_events": 6,
        "list_hygiene": 3,
        "load_sources": 6,
        "maintain_partitions": 3,
        "roll_up_kpis": 6,
        "sync_suppressions": 6,
    }
    for dag in dags.values():
        assert _longest_way(dag) <= dag.dagrun_timeout, dag.dag_id


def _limit(task: Any) -> Any:
    """How long a task may take; one that waits for a person, how long it waits."""
    return task.execution_timeout or task.response_timeout


def _longest_way(dag: Any) -> dt.timedelta:
    """The time that the tasks of a DAG may take, one after the other, along its longest path."""
    ends: dict[str, dt.timedelta] = {}
    for task in dag.topological_sort():
        before = max((ends[name] for name in task.upstream_task_ids), default=dt.timedelta())
        ends[task.task_id] = before + _limit(task)
    return max(ends.values())


def test_a_campaign_waits_for_its_facts_within_bounds(dags: dict[str, Any]) -> None:
    """Its first task gives up after three hours, takes no worker while it waits, and leaves the others their time.

    Delivery waits for no load and for no campaign.
    """
    for name in CAMPAIGNS:
        gate = dags[name].get_task("wait_for_load")
        assert (gate.mode, gate.timeout, gate.soft_fail) == ("reschedule", 3 * 3600, False)
        assert gate.upstream_task_ids == set()
        assert dt.timedelta(seconds=gate.timeout) + _longest_way(dags[name]) - gate.execution_timeout <= (
            dags[name].dagrun_timeout
        )
    assert not any(task.task_id == "wait_for_load" for task in dags["deliver_messages"].tasks)
    assert dags["deliver_messages"].max_active_runs == 1


def test_delivery_tells_which_campaign_has_not_planned(dags: dict[str, Any]) -> None:
    """`report_overdue` waits for nothing in its run: neither a stopped nor a failed delivery hides it."""
    task = dags["deliver_messages"].get_task("report_overdue")
    assert (task.upstream_task_ids, task.downstream_task_ids) == (set(), set())


def test_what_came_in_is_judged_after_it_is_taken(dags: dict[str, Any]) -> None:
    """An alarm turns the last task red. The tasks before it took what is good, and told what follows them."""
    for name, order, taking in (
        ("ingest_events", ["ingest", "check"], "ingest"), ("sync_suppressions", ["pull", "push", "check"], "pull"),
        ("list_hygiene", ["tidy", "check"], "tidy"),
    ):  # fmt: skip
        assert [task.task_id for task in dags[name].topological_sort()] == order
        assert {asset.name for asset in dags[name].get_task(taking).outlets} == {"lifecycle_events"}
        assert dags[name].get_task("check").outlets == []


def test_campaigns_walk_the_path(dags: dict[str, Any]) -> None:
    """A campaign plans in the order of the path, and its last task says that messages are there."""
    for name in CAMPAIGNS:
        order = [task.task_id for task in dags[name].topological_sort()]
        assert order == [
            "wait_for_load", "refresh_segment", "enroll", "advance", "decide", "write_messages", "report_stop"
        ]  # fmt: skip
        assert {asset.name for asset in dags[name].get_task("write_messages").outlets} == {
            "lifecycle_messages"
        }


def test_schedules(dags: dict[str, Any]) -> None:
    """DAGs for a period run on real intervals in UTC; the others need no interval; erasing is started by hand alone."""
    kinds = {name: type(dag.timetable).__name__ for name, dag in dags.items()}
    assert kinds == {
        **dict.fromkeys(CAMPAIGNS, "CronDataIntervalTimetable"),
        "load_sources": "CronDataIntervalTimetable",
        "deliver_messages": "AssetOrTimeSchedule",
        "ingest_events": "AssetOrTimeSchedule",
        "roll_up_kpis": "AssetTriggeredTimetable",
        "list_hygiene": "CronTriggerTimetable",
        "maintain_partitions": "CronTriggerTimetable",
        "sync_suppressions": "CronTriggerTimetable",
        "erase_customer": "NullTimetable",
        "refresh_segments": "CronDataIntervalTimetable",
        "request_segment": "NullTimetable",
    }


def test_delivery_is_bounded(dags: dict[str, Any]) -> None:
    """Delivery is mapped over a few shards in the pool `sendgrid`, never over recipients."""
    deliver = dags["deliver_messages"].get_task("deliver")
    assert deliver.partial_kwargs["pool"] == "sendgrid"
    shards = deliver.op_kwargs_expand_input.value["shard"]
    assert 2 <= len(shards) <= 16


@pytest.mark.parametrize("given", ["", "a b", "someone@example.com", "x" * 101, "1; drop"])
def test_erasing_takes_a_key_and_no_address(dags: dict[str, Any], given: str) -> None:
    """The param refuses what is not a customer's key, so that no address lands in Airflow's tables."""
    from airflow.sdk.exceptions import ParamValidationError

    with pytest.raises(ParamValidationError):
        dags["erase_customer"].params.get_param("customer_id").resolve(given)


def test_erasing_takes_the_keys_a_shop_has(dags: dict[str, Any]) -> None:
    """Numbers, prefixed keys and UUIDs all pass."""
    param = dags["erase_customer"].params.get_param("customer_id")
    for key in ("42", "C-000017", "shop:42", "0b3e9f56-6a4e-4a3c-9d0b-2f6f6f6f6f6f"):
        assert param.resolve(key) == key


def test_nothing_of_dags_reads_a_clock_or_a_database() -> None:
    """DAG files are wiring: no SQL, no pandas, no Variable, no clock of their own."""
    forbidden = re.compile(r"\b(select |pandas|Variable|datetime\.now|utcnow|create_engine|\.today\()")
    for file in (REPOSITORY / "dags").glob("*.py"):
        assert not forbidden.search(file.read_text()), file.name
        assert len(file.read_text().splitlines()) <= 120, file.name
