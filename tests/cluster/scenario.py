"""The run itself: load → four campaigns → deliver with two workers → one is killed → events → KPIs → judgement.

The run asks Airflow's REST API for everything, as an operator would. The only waits are Airflow's: it notices a dead
worker after the heartbeat timeout, and tries the worker's task again a minute later.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from cluster.feeds import CAMPAIGNS, write_late_orders, write_shop
from cluster.stack import Stack
from cluster.totals import Killed, Totals, read_totals
from lifecycle_mail.database import engine
from local_stack.airflow import Run
from local_stack.processes import wait_until
from local_stack.steps import StepFailed, Steps

PEOPLE = 3_000
BUYERS = 40
REQUEST_SECONDS = 10.0
"""How long the provider holds every answer back: a kill then falls into a request, not between two."""
RUN_SECONDS = 420.0
RESCUE_SECONDS = 600.0
CAMPAIGN_DAGS = [f"campaign__{campaign}" for campaign in CAMPAIGNS]
DAGS = ["load_sources", *CAMPAIGN_DAGS, "deliver_messages", "ingest_events", "roll_up_kpis"]

OPEN_REQUESTS = "select worker, claimed_at from delivery.attempt where outcome is null order by claimed_at"
ANSWERED = "select count(*) from delivery.attempt where outcome = 'accepted'"
REQUESTS_SINCE = "select split_part(worker, ':', 1) as host from delivery.attempt where claimed_at > :since"
IN_DOUBT = "select worker from delivery.attempt where outcome = 'in_doubt'"
TREATED_CARTS = """
select customer_id from message.message
where campaign = 'cart_abandoned' and state = 'planned'
order by customer_id limit :buyers
"""
STILL_PLANNED = "select count(*) from message.message where state in ('planned', 'claimed')"


class Scenario:
    """One run on a stack that is up; `run` returns the totals, which are not judged yet."""

    def __init__(self, stack: Stack, steps: Steps, log_folder: Path) -> None:
        self.stack = stack
        self.airflow = stack.airflow
        self.steps = steps
        self._logs = log_folder
        self._warehouse = engine(stack.warehouse_url)

    def run(self) -> Totals:
        """Do every step in order. Raises: StepFailed, with the step and the place of the logs."""
        try:
            self._load_and_plan()
            buyers = self._some_buy()
            killed, after = self._kill_one_in_mid_delivery()
            in_doubt = self._wait_for_the_rescue(killed)
            self._take_the_events_in()
            with self._step("Every container says that it is well"):
                self._all_healthy()
            return read_totals(
                self._warehouse,
                self.stack.simulator,
                killed,
                buyers=buyers,
                in_doubt_requests=in_doubt,
                requests_after_kill=after(),
            )
        finally:
            self._warehouse.dispose()

    # The path, up to the planned mails

    def _load_and_plan(self) -> None:
        with self._step("The shop hands its feed files over; Airflow becomes healthy"):
            write_shop(self.stack.feeds, _now(), PEOPLE)
            self.airflow.wait_healthy()
            self.airflow.wait_dags(DAGS)
        with self._step("Airflow runs load_sources"):
            self._run_first(["load_sources"])
        with self._step("Airflow runs the four campaigns"):
            self._run_first(CAMPAIGN_DAGS)
            planned = self._scalar(STILL_PLANNED)
            self.steps.note(f"{planned:,} mails planned")

    def _some_buy(self) -> frozenset[str]:
        with self._step(f"{BUYERS} people buy before their mail goes"):
            with self._warehouse.connect() as connection:
                rows = connection.execute(sa.text(TREATED_CARTS), {"buyers": BUYERS})
                buyers = frozenset(row.customer_id for row in rows)
            write_late_orders(self.stack.feeds, _now(), sorted(buyers))
            self._succeeded([self.airflow.wait_run(self.airflow.trigger("load_sources"), RUN_SECONDS)])
        return buyers

    # The delivery, and the kill

    def _kill_one_in_mid_delivery(self) -> tuple[Killed, Callable[[], dict[str, int]]]:
        with self._step("Two workers deliver; one is killed with a request in flight"):
            self.stack.simulator.post("faults", json={"delay_ms": 1000 * REQUEST_SECONDS}).raise_for_status()
            self.airflow.unpause(["deliver_messages"])
            wait_until(self._in_mid_delivery, "the delivery did not get going on both workers", 180, every_seconds=0.3)
            running, victim = self._running_shards(), self._youngest_request()
            self.stack.kill(victim)
            killed_at = _now()
            requests = tuple(worker for worker in self._open_requests() if worker.startswith(victim))
            killed = Killed(victim, tuple(running.get(victim, ())), requests)
            self.steps.note(f"killed {victim}: shards {list(killed.shards)}, requests in flight {len(requests)}")
        return killed, lambda: self._requests_since(killed_at)

    def _in_mid_delivery(self) -> bool:
        """Return whether both workers have a request in flight, one of them just begun, after two answered requests."""
        rows = self._open_rows()
        hosts = {row.worker.partition(":")[0] for row in rows}
        is_young = bool(rows) and (_now() - rows[-1].claimed_at).total_seconds() < REQUEST_SECONDS / 3
        return len(hosts) == len(self.stack.workers()) and is_young and self._scalar(ANSWERED) >= 2

    def _youngest_request(self) -> str:
        """Return the worker container whose request has the longest way to go."""
        return str(self._open_rows()[-1].worker.partition(":")[0])

    def _running_shards(self) -> dict[str, list[int]]:
        """Return which shards Airflow has running, by the host of their worker."""
        found: dict[str, list[int]] = {}
        for run in self.airflow.runs("deliver_messages"):
            for task in self._task_instances(run):
                if task["task_id"] == "deliver" and task["state"] == "running":
                    found.setdefault(task["hostname"], []).append(task["map_index"])
        return found

    def _wait_for_the_rescue(self, killed: Killed) -> dict[str, int]:
        """Wait until the other worker has finished and has tried the killed shards again; return the requests in
        doubt."""
        with self._step("The other worker goes on; Airflow notices the death and tries the shard again"):
            wait_until(lambda: self._only_killed_claims_left(killed), "the other worker did not go on", RUN_SECONDS)
            self.stack.simulator.post("faults", json={}).raise_for_status()
            ended = self.airflow.wait_idle(["deliver_messages"], RESCUE_SECONDS)
            self._succeeded(ended.values())
            self._tried_again_elsewhere(killed)
            with self._warehouse.connect() as connection:
                in_doubt = Counter(row.worker for row in connection.execute(sa.text(IN_DOUBT)))
            self.steps.note(f"{sum(in_doubt.values())} requests in doubt, none sent again")
        return dict(in_doubt)

    def _only_killed_claims_left(self, killed: Killed) -> bool:
        planned = self._scalar("select count(*) from message.message where state = 'planned'")
        return planned == 0 and set(self._open_requests()) <= set(killed.requests)

    def _tried_again_elsewhere(self, killed: Killed) -> None:
        tries = {
            task["map_index"]: task
            for run in self.airflow.runs("deliver_messages")
            for task in self._task_instances(run)
            if task["task_id"] == "deliver" and task["try_number"] > 1
        }
        again = {index: tries[index]["hostname"] for index in killed.shards if index in tries}
        if set(again) != set(killed.shards) or killed.container in again.values():
            raise StepFailed(f"the killed shards {list(killed.shards)} were not tried again elsewhere: {again}")

    # The events, and the numbers

    def _take_the_events_in(self) -> None:
        with self._step("Airflow runs ingest_events, and roll_up_kpis after it"):
            wait_until(self._settled, "the simulator still has events to post", 300, every_seconds=1)
            self.airflow.unpause(["roll_up_kpis"])
            self._run_first(["ingest_events"])
            self._succeeded([self.airflow.wait_new_run("roll_up_kpis", "asset_triggered", (), RUN_SECONDS)])

    def _settled(self) -> bool:
        return bool(self.stack.simulator.get("state").json()["settled"])

    def _all_healthy(self) -> None:
        def unwell() -> dict[str, str]:
            return {name: said for name, said in self.stack.health().items() if said not in ("healthy", "has none")}

        wait_until(lambda: not unwell(), "some containers are not healthy", 180, every_seconds=5)
        if died := self.stack.restarts():
            raise StepFailed(f"containers died by themselves: {died}")

    # Small words

    def _step(self, name: str) -> Any:
        return self.steps.step(name, self._logs, "Everything of this run is removed; its logs are kept.")

    def _run_first(self, dag_ids: list[str]) -> None:
        """Unpause DAGs, which run their latest period at once, and wait until those runs have succeeded."""
        self.airflow.unpause(dag_ids)
        self._succeeded(self.airflow.wait_idle(dag_ids, RUN_SECONDS).values())

    def _succeeded(self, runs: Any) -> None:
        for run in runs:
            if run.state != "success":
                raise StepFailed(f"{run.dag_id} ended as {run.state}: {self.airflow.task_states(run)}")

    def _task_instances(self, run: Run) -> list[dict[str, Any]]:
        path = f"dags/{run.dag_id}/dagRuns/{run.run_id}/taskInstances"
        return list(self.airflow.get(path, limit=1000)["task_instances"])

    def _open_requests(self) -> list[str]:
        return [row.worker for row in self._open_rows()]

    def _open_rows(self) -> list[Any]:
        with self._warehouse.connect() as connection:
            return list(connection.execute(sa.text(OPEN_REQUESTS)))

    def _requests_since(self, moment: dt.datetime) -> dict[str, int]:
        with self._warehouse.connect() as connection:
            return dict(Counter(row.host for row in connection.execute(sa.text(REQUESTS_SINCE), {"since": moment})))

    def _scalar(self, query: str) -> int:
        with self._warehouse.connect() as connection:
            return int(connection.execute(sa.text(query)).scalar_one())


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
