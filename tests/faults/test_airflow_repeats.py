"""Whatever Airflow repeats, no customer is mailed twice, no stale mail goes out, and each stop is reported.

The tests use a real scheduler, real task processes and the simulator. Runs are cleared, triggered again, backfilled and
run at once; tasks and the scheduler are killed with SIGKILL; breakers trip. Mails are counted from the simulator's own
record.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
import sqlalchemy as sa

import running_services
from airflow_world import (
    PATIENCE_SECONDS,
    AirflowWorld,
    Person,
    cloned_warehouse,
    load,
    metadata_database,
    people,
    plan,
    running_world,
    wait_for_requests,
)
from local_stack.airflow import FINISHED, Run, airflow_command
from local_stack.processes import Service, wait_until, with_include

pytestmark = [pytest.mark.faults, pytest.mark.timeout(2400)]

CAMPAIGN = "campaign__cart_abandoned"
DAILY = "campaign__birthday"
RUN_DAGS = Path(__file__).resolve().parents[1] / "dags" / "run_dags.py"
MANY = 6000
SHARDS = 2
LEASE_SECONDS = 20
"""A claim belongs to a killed worker for this long. A task's retry comes a minute later, and a request waits 16 s at
most."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, server_url: str, template_database: str) -> Iterator[AirflowWorld]:
    """One installation for all tests of this module; each test brings customers of its own."""
    folder = tmp_path_factory.mktemp("repeats")
    settings = {
        "LIFECYCLE_TOPICS_FILE": str(topics_with_limits(folder)),
        "LIFECYCLE_CLAIM_LEASE_SECONDS": str(LEASE_SECONDS),
        "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "5",
        "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "20",
        "AIRFLOW__SCHEDULER__JOB_HEARTBEAT_SEC": "2",
    }
    with (
        cloned_warehouse(server_url, template_database) as warehouse_url,
        running_world(folder, server_url, warehouse_url, **settings) as running,
    ):
        running.airflow.unpause(["deliver_messages", "ingest_events", CAMPAIGN, DAILY])
        for name in (CAMPAIGN, DAILY):
            running.airflow.wait_new_run(name, "scheduled", timeout_seconds=400)
        yield running


def topics_with_limits(folder: Path) -> Path:
    """The topics, with limits that a few mails can pass."""
    limits = "limits: {minimum: 10, complaint_rate: 0.1, bounce_rate: 0.1, rejection_rate: 0.1}"
    text = (RUN_DAGS.parents[2] / "include" / "topics.yaml").read_text()
    file = folder / "topics.yaml"
    file.write_text(text.replace("permissions: [confirmed]\n", f"permissions: [confirmed]\n    {limits}\n"))
    return file


@pytest.fixture(autouse=True)
def calm(world: AirflowWorld) -> Iterator[None]:
    """Each test begins and ends with a provider that behaves well, nothing paused, and no delivery running."""
    idle(world)
    yield
    world.faults()
    command_line(world, "sending", "resume")
    world.airflow.unpause(["deliver_messages"])


def idle(world: AirflowWorld) -> None:
    """Wait until neither a delivery nor a planning run is queued or running."""
    world.airflow.wait_idle(["deliver_messages", CAMPAIGN], PATIENCE_SECONDS)


def deliver_all(world: AirflowWorld) -> None:
    """Deliver until nothing of any test waits."""
    assert world.run("deliver_messages").state == "success"
    idle(world)


def ledger(world: AirflowWorld, prefix: str) -> dict[str, int]:
    """How many mails of a test's customers are in which state."""
    found = world.rows(
        "select state, count(*) from message.message where customer_id like :who group by state", who=f"{prefix}-%"
    )
    return {str(state): int(count) for state, count in found}


def ids_of(world: AirflowWorld, prefix: str) -> set[str]:
    found = world.rows(
        "select message_id from message.message where customer_id like :who", who=f"{prefix}-%"
    )
    return {str(one) for (one,) in found}


def mailed(world: AirflowWorld, prefix: str) -> int:
    """How many of a test's mails the simulator accepted; fails if a recipient was mailed twice."""
    accepted, own = world.accepted(), ids_of(world, prefix)
    assert {one: times for one, times in accepted.items() if times > 1} == {}, "a recipient was mailed twice"
    return sum(1 for one in accepted if one in own)


def everything(world: AirflowWorld) -> dict[str, list[tuple[object, ...]]]:
    """What repetition must leave as it is."""
    return {
        "enrollments": world.rows("select enrollment_id, customer_id, occurrence from journey.enrollment order by 1"),
        "decisions": world.rows(
            "select enrollment_id, step, outcome, reason from decision.decision order by 1, 2, 3, 4"
        ),
        "messages": world.rows("select message_id, state, reason from message.message order by 1"),
        "accepted": sorted(world.accepted().items()),
    }


def test_cleared_and_repeated_runs_change_nothing(world: AirflowWorld) -> None:
    """A finished campaign run and delivery are cleared, and the same period is triggered by hand: nothing new
    happens."""
    load(world, people("again", 40))
    as_of = dt.datetime.now(dt.UTC).isoformat()
    planned = world.run(CAMPAIGN, as_of=as_of)
    deliver_all(world)
    assert planned.state == "success"
    assert mailed(world, "again") == 40
    before = everything(world)

    delivered = world.airflow.runs("deliver_messages")[0]
    assert world.clear(planned).state == "success"
    assert world.clear(delivered).state == "success"
    assert world.run(CAMPAIGN, as_of=as_of).state == "success"
    deliver_all(world)
    assert everything(world) == before


def test_a_backfill_of_a_month_mails_nobody(world: AirflowWorld) -> None:
    """`airflow backfill create` of a past month runs every day of it. Each run is late: it enrolls and mails no one."""
    month_end = dt.datetime.now(dt.UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    month = (month_end - dt.timedelta(days=1)).replace(day=1)
    load(
        world,
        [
            Person(f"month-{day}", f"month-{day}@example.com", birthday=f"1980-{month:%m}-{day:02}", has_cart=False)
            for day in range(1, 29)
        ],
    )
    before = world.accepted()
    last_day = month_end - dt.timedelta(days=1)
    period = ["--from-date", f"{month:%Y-%m-%d}", "--to-date", f"{last_day:%Y-%m-%dT23:59}"]
    command = airflow_command("backfill", "create", "--dag-id", DAILY, *period, "--max-active-runs", "3")
    environment = with_include({**os.environ, **world.airflow.environment()})
    made = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stdout + made.stderr

    def backfilled() -> list[Run]:
        return [run for run in world.airflow.runs(DAILY) if run.run_type == "backfill"]

    # On the first of a month, before the hour of the schedule, the last period is not over, and the one before it has
    # its regular run.
    wait_until(lambda: len(backfilled()) >= last_day.day - 2, "no backfill runs came", 60)
    ended = world.airflow.wait_runs(backfilled(), 1000)
    assert {run.state for run in ended} == {"success"}
    deliver_all(world)
    for table in ("decision.decision", "journey.enrollment"):
        assert world.rows(f"select * from {table} where customer_id like 'month-%'") == []  # noqa: S608
    would = [world.log_of(run, "refresh_segment") for run in ended]
    assert all("late: campaign birthday: the run for" in log for log in would)
    assert any("in time it would have enrolled 28 customers" in log for log in would), "it found no customer"
    assert ids_of(world, "month") == set()
    assert world.accepted() == before


def test_mails_planned_in_time_and_delivered_too_late_are_not_sent(world: AirflowWorld) -> None:
    """Delivery comes back after a long pause: mails past their time end as stale, the rest goes."""
    load(world, [*people("late", 5), *people("timely", 5)])
    world.airflow.pause(["deliver_messages"])
    plan(world)
    with world.warehouse.begin() as connection:
        connection.exec_driver_sql(
            "update message.message set not_before = now() - interval '8 hours',"
            " expires_at = now() - interval '1 second' where customer_id like 'late-%%'"
        )
    world.airflow.unpause(["deliver_messages"])
    deliver_all(world)
    assert ledger(world, "late") == {"cancelled": 5}
    assert mailed(world, "late") == 0
    assert mailed(world, "timely") == 5


def test_two_runs_of_a_dag_take_turns(world: AirflowWorld) -> None:
    """Triggered twice in a row, Airflow runs one delivery after the other, and the second finds nothing."""
    load(world, people("turns", 2500))
    plan(world)
    world.faults(delay_ms=500)
    first, second = (world.airflow.trigger("deliver_messages") for _ in range(2))
    together = 0
    while any(run.state in ("queued", "running") for run in now_of(world, first, second)):
        together += all(run.state == "running" for run in now_of(world, first, second))
        time.sleep(0.5)
    assert together == 0
    assert {run.state for run in now_of(world, first, second)} == {"success"}
    assert mailed(world, "turns") == 2500


def now_of(world: AirflowWorld, *runs: Run) -> list[Run]:
    found = {run.run_id: run for run in world.airflow.runs("deliver_messages")}
    return [found[run.run_id] for run in runs]


def test_two_runs_at_once(world: AirflowWorld, server_url: str, tmp_path: Path) -> None:
    """Two more Airflows run the same campaign and the same delivery in the same seconds: each mail goes once."""
    load(world, people("both", MANY))
    with (
        another_airflow(world, server_url, tmp_path / "one") as one,
        another_airflow(world, server_url, tmp_path / "two") as two,
    ):
        at_once(lambda: run_dags_apart(one, []), lambda: run_dags_apart(two, []))  # makes their tables
        as_of = {"as_of": dt.datetime.now(dt.UTC).isoformat()}
        world.airflow.pause(["deliver_messages"])
        at_once(
            lambda: run_dags_apart(one, [(CAMPAIGN, as_of)], "--migrated"),
            lambda: run_dags_apart(two, [(CAMPAIGN, as_of)], "--migrated"),
            lambda: world.run(CAMPAIGN, **as_of),
        )
        assert ledger(world, "both") == {"planned": MANY}
        world.faults(delay_ms=5000)
        world.airflow.unpause(["deliver_messages"])
        at_once(
            lambda: run_dags_apart(one, [("deliver_messages", {})], "--migrated"),
            lambda: run_dags_apart(two, [("deliver_messages", {})], "--migrated"),
            lambda: world.run("deliver_messages"),
        )
    idle(world)
    assert ledger(world, "both") == {"accepted": MANY}
    assert mailed(world, "both") == MANY
    workers = world.rows(
        "select count(distinct split_part(a.worker, ':', 2)) from delivery.attempt as a"
        " inner join message.message as m on a.attempt_id = m.attempt_id where m.customer_id like 'both-%'"
    )
    assert workers[0][0] >= 2, "one process did it all: the test proves nothing"


@contextmanager
def another_airflow(world: AirflowWorld, server_url: str, home: Path) -> Iterator[dict[str, str]]:
    """The settings of an Airflow with a metadata database of its own, on the same warehouse.

    Of its own: `dag.test()` without a logical date clears every task of its DAG, those of other runs too.
    """
    with metadata_database(server_url) as metadata_url:
        yield {
            **world.environment,
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": metadata_url.replace("postgresql://", "postgresql+psycopg2://"),
            "AIRFLOW__CORE__DAGS_FOLDER": str(RUN_DAGS.parents[2] / "dags"),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(RUN_DAGS.parents[2] / "plugins"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        }


def run_dags_apart(environment: dict[str, str], wanted: list[tuple[str, dict[str, str]]], *options: str) -> None:
    """Run DAGs, each with its conf, by `dag.test()` in a process of its own."""
    done = subprocess.run(
        [sys.executable, str(RUN_DAGS), *options],
        env=with_include({**os.environ, **environment}),
        input=json.dumps([(dag_id, conf, False) for dag_id, conf in wanted]),
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert "RESULTS " in done.stdout, (done.stdout + done.stderr)[-3000:]
    assert '"state": "failed"' not in done.stdout, (done.stdout + done.stderr)[-3000:]


def at_once(*calls: object) -> None:
    """Call all of them at the same time, and raise the error of the first that failed."""
    problems: list[BaseException] = []

    def guarded(call: object) -> None:
        try:
            call()  # type: ignore[operator]
        except BaseException as problem:
            problems.append(problem)

    threads = [threading.Thread(target=guarded, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(400)
    if problems:
        raise problems[0]


def test_a_killed_task_is_retried_and_sends_nothing_twice(world: AirflowWorld) -> None:
    """kill -9 of a delivering task: Airflow starts it again, at most its one request is in doubt, events settle it."""
    load(world, people("killed", MANY))
    plan(world)
    before = world.requests()
    world.faults(delay_ms=3000)
    run = world.airflow.trigger("deliver_messages")
    wait_for_requests(world, before)
    os.kill(wait_for_a_claiming_task(world), signal.SIGKILL)
    ended = world.airflow.wait_run(run, PATIENCE_SECONDS)
    assert ended.state == "success", world.airflow.task_states(run)
    assert most_tries(world, run) == 2
    check_ledger_after_kills(world, "killed", MANY, kills=1)


def wait_for_a_claiming_task(world: AirflowWorld) -> int:
    """Return the process of a task whose claim is committed and not answered."""
    found: list[int] = []

    def claimed() -> bool:
        rows = world.rows("select worker from delivery.attempt where outcome is null order by attempt_id desc")
        processes = [int(worker.split(":")[1]) for (worker,) in rows]
        found[:] = [process for process in processes if _is_a_task(process)]
        return bool(found)

    wait_until(claimed, "no task held a claim", 60, every_seconds=0.02)
    return found[0]


def _is_a_task(pid: int) -> bool:
    try:
        return "airflow" in " ".join(psutil.Process(pid).cmdline())
    except psutil.Error:
        return False


def check_ledger_after_kills(world: AirflowWorld, prefix: str, count: int, kills: int) -> None:
    """No mail is lost or sent twice; a killed worker leaves at most one request in doubt; events settle it."""
    time.sleep(LEASE_SECONDS + 1)
    world.faults()
    deliver_all(world)
    found = ledger(world, prefix)
    assert set(found) <= {"accepted", "in_doubt"}
    assert sum(found.values()) == count
    doubtful = world.rows(
        "select count(distinct attempt_id) from message.message where state = 'in_doubt' and customer_id like :who",
        who=f"{prefix}-%",
    )
    assert doubtful[0][0] <= kills
    taken = mailed(world, prefix)
    assert found["accepted"] <= taken <= count
    running_services.settle(world.simulator, 60)
    assert world.run("ingest_events").state == "success"
    settled = ledger(world, prefix)
    assert settled.get("accepted", 0) == taken, "the ledger and the simulator's record differ"
    assert settled.get("in_doubt", 0) == count - taken


def test_a_scheduler_killed_in_mid_delivery_comes_back(world: AirflowWorld) -> None:
    """The scheduler is killed with kill -9 while mails go out. Its tasks go on and are also started a second time. Both
    tasks of a shard send at the same time, and no customer is mailed twice."""
    load(world, people("headless", 2 * MANY))  # enough for the second of two to find mails too
    plan(world)
    before = world.requests()
    world.faults(delay_ms=12_000)  # longer than a dead scheduler's tasks are taken for alive, over three requests
    run = world.airflow.trigger("deliver_messages")
    wait_for_requests(world, before)
    restarter = Service(world.airflow.home, "airflow-scheduler").process()
    assert restarter is not None
    scheduler = restarter.children()[0]
    scheduler.kill()
    wait_until(
        lambda: any(child.pid != scheduler.pid and child.is_running() for child in restarter.children()),
        "the scheduler was not started again",
        60,
    )
    wait_until(lambda: has_twins(world), "no two tasks of a shard sent at the same time: the test proves nothing", 120)
    ended = world.airflow.wait_run(run, PATIENCE_SECONDS)
    assert ended.state == "success", world.airflow.task_states(run)
    assert most_tries(world, run) == 2
    check_ledger_after_kills(world, "headless", 2 * MANY, kills=2)  # two shards were in flight


def has_twins(world: AirflowWorld) -> bool:
    """Whether two living processes of one shard have a request under way at this moment."""
    found = world.rows("select worker from delivery.attempt where outcome is null")
    living = {(pid, shard) for worker, in found for _, pid, shard in [worker.split(":")] if _is_a_task(int(pid))}
    return len(living) > len({shard for _, shard in living})


def most_tries(world: AirflowWorld, run: Run) -> int:
    """How often the task of `run` that was started most often was started."""
    tasks = world.airflow.get(f"dags/{run.dag_id}/dagRuns/{run.run_id}/taskInstances")["task_instances"]
    return int(max(one["try_number"] for one in tasks))


def test_one_switch_stops_all_sending_within_a_batch(world: AirflowWorld) -> None:
    """`sending pause` during a delivery: claimed mails are sent, one request per shard; then none until `sending
    resume`."""
    load(world, people("switch", MANY))
    plan(world)
    before = world.requests()
    world.faults(delay_ms=8000)
    run = world.airflow.trigger("deliver_messages")
    wait_for_requests(world, before)
    command_line(world, "sending", "pause")
    at_the_pause = claims(world)
    assert world.airflow.wait_run(run, PATIENCE_SECONDS).state == "success"
    assert claims(world) <= at_the_pause + SHARDS, "more was claimed after the pause than was being claimed"
    left = ledger(world, "switch").get("planned", 0)
    assert 0 < left < MANY, "the pause fell outside the delivery: the test proves nothing"
    log = world.log_of(run, "deliver")
    assert "not sent: paused (operator): all" in log
    deliver_all(world)
    assert ledger(world, "switch")["planned"] == left
    world.faults()
    command_line(world, "sending", "resume")
    deliver_all(world)
    assert ledger(world, "switch") == {"accepted": MANY}
    assert mailed(world, "switch") == MANY


def command_line(world: AirflowWorld, *words: str) -> None:
    """Run the product's command line with the settings of the world."""
    command = [sys.executable, "-m", "lifecycle_mail", *words]
    subprocess.run(command, env=with_include({**os.environ, **world.environment}), check=True, capture_output=True)


def claims(world: AirflowWorld) -> int:
    return int(world.rows("select count(*) from delivery.attempt")[0][0])


@pytest.mark.parametrize("word", ["complain", "bounce"])
def test_what_recipients_do_stops_the_campaign_and_turns_it_red(world: AirflowWorld, word: str) -> None:
    """Past the limit, by events that came back: the next batch stays, and Airflow says which rate it was."""
    before = begin_a_new_judgement(world)
    bad = [Person(f"{word}-bad-{n}", f"{word}+{n}@example.com") for n in range(4)]
    load(world, [*people(word, 16), *bad])
    plan(world)
    deliver_all(world)
    running_services.settle(world.simulator)
    assert world.run("ingest_events").state == "success"
    load(world, people(f"{word}-later", 3))
    plan(world)
    rate = "complaint" if word == "complain" else word
    check_it_stops(world, f"{rate} rate 20.00% (4 of 20) is above 10.00%", before)
    assert mailed(world, f"{word}-later") == 0
    command_line(world, "campaign", "resume", "cart_abandoned")
    deliver_all(world)
    assert mailed(world, f"{word}-later") == 3


def test_refused_recipients_stop_the_campaign_and_turn_it_red(world: AirflowWorld) -> None:
    """SendGrid's 400 names twelve of 28 recipients: they are rejected, the others wait, and Airflow says why."""
    before = begin_a_new_judgement(world)
    load(world, [*people("refused", 16), *people("nobody", 12)])
    with world.warehouse.begin() as connection:  # what the provider refuses and the feeds would not let through
        connection.execute(sa.text("update source.customer set email = customer_id where customer_id like 'nobody-%'"))
    plan(world)
    check_it_stops(world, "rejection rate 100.00% (12 of 12) is above 10.00%", before)
    assert ledger(world, "nobody") == {"rejected": 12}
    assert ledger(world, "refused") == {"planned": 16}
    assert mailed(world, "refused") == 0
    command_line(world, "campaign", "resume", "cart_abandoned")
    deliver_all(world)
    assert mailed(world, "refused") == 16


def begin_a_new_judgement(world: AirflowWorld) -> set[str]:
    """Resume, which begins a new count: the mails of earlier tests do not count. Return the deliveries that ended
    before."""
    command_line(world, "campaign", "pause", "cart_abandoned")
    command_line(world, "campaign", "resume", "cart_abandoned")
    return {run.run_id for run in world.airflow.runs("deliver_messages") if run.state in FINISHED}


def tripping_run(world: AirflowWorld, before: set[str]) -> Run:
    """Deliver, and return the one run since `before` that failed: ours, or the one that planning set off."""
    world.run("deliver_messages")
    idle(world)
    since = [run for run in world.airflow.runs("deliver_messages") if run.run_id not in before]
    (tripped,) = [run for run in since if run.state == "failed"]
    return tripped


def check_it_stops(world: AirflowWorld, said: str, before: set[str]) -> None:
    """The delivery that trips the breaker is red and says so; the next is green. The campaign's runs are red until it
    is resumed."""
    tripped = tripping_run(world, before)
    states = world.airflow.task_states(tripped)
    assert (states["deliver"], states["report_stops"]) == ("success", "failed")
    assert said in world.log_of(tripped, "report_stops")
    assert world.run("deliver_messages").state == "success"
    planned = world.run(CAMPAIGN, as_of=dt.datetime.now(dt.UTC).isoformat())
    states = world.airflow.task_states(planned)
    assert (planned.state, states["write_messages"], states["report_stop"]) == ("failed", "success", "failed")
    assert said in world.log_of(planned, "report_stop")
