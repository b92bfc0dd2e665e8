"""Run DAGs by `dag.test()` in a process of its own and print states and XComs as JSON.

Not a test module: tests run it. Reads a list of [dag_id, conf, has_logical_date] from standard input; unless
`--migrated` is given, it first migrates the metadata database its environment names and writes the DAGs into it.
With `--serve` it does so for each line of standard input: a JSON object with such a list as `plan`, the `environment`
to add for it, and the `log` to write to. With `starting` in place of `plan`, a component ("job") or a task's process
("task") starts as far as listeners see, and the pools there are afterwards are the answer. The import of Airflow is
half of what a test would take otherwise.

Airflow reads the address of its metadata when it is imported, which is why this is a process of its own. No two of
them at once on one metadata database: they break each other's insert of the DAGs, and a run without a logical date
begins by clearing every task of its DAG, those of the other's run too.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any


def main() -> None:
    """Run what standard input asks for, one after the other."""
    from airflow.utils.db import initdb

    if "--serve" in sys.argv:
        initdb()
        return _serve()
    if "--migrated" not in sys.argv:
        initdb()
        _write_dags()
    print("RESULTS " + json.dumps(_run_all(json.load(sys.stdin))))
    return None


def _serve() -> None:
    """Answer each line of standard input with a line of results on standard output; all else goes to its log."""
    own, lines, answers = dict(os.environ), sys.stdin, os.fdopen(os.dup(1), "w")
    for asked in map(json.loads, lines):
        os.environ.clear()
        os.environ.update({**own, **asked["environment"]})
        with Path(asked["log"]).open("ab") as log:
            for output in (1, 2):
                os.dup2(log.fileno(), output)
        try:
            _write_dags()
            results = _start(asked["starting"]) if "starting" in asked else _run_all(asked["plan"])
        except Exception:
            traceback.print_exc()
            results = []
        sys.stdout.flush()
        sys.stderr.flush()
        print("RESULTS " + json.dumps(results), file=answers, flush=True)


def _run_all(plan: list[tuple[str, dict[str, Any], bool]]) -> list[dict[str, Any]]:
    """Parse the DAGs again for each run, as each task's process does: a run's conf stays in the params of an object."""
    from airflow.dag_processing.dagbag import DagBag

    return [_run(DagBag().dags[dag_id], conf, dated) for dag_id, conf, dated in plan]


def _start(what: str) -> list[list[Any]]:
    """Tell the listeners that a component or a task starts, as these do; return name and slots of every pool."""
    from airflow.jobs.job import Job
    from airflow.listeners.listener import get_listener_manager
    from airflow.models.pool import Pool
    from airflow.sdk.execution_time.task_runner import TaskRunnerMarker
    from airflow.utils.session import create_session

    if what == "job":
        Job()  # it tells the listeners while it is made
    else:
        get_listener_manager().hook.on_starting(component=TaskRunnerMarker())
    with create_session() as session:
        return sorted([pool.pool, pool.slots] for pool in Pool.get_pools(session=session))


def _write_dags() -> None:
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.dag_processing.dagbag import BundleDagBag, sync_bag_to_db

    bundles = DagBundlesManager()
    bundles.sync_bundles_to_db()
    for bundle in bundles.get_all_dag_bundles():
        bundle.initialize()
        bag = BundleDagBag(dag_folder=bundle.path, bundle_path=bundle.path, bundle_name=bundle.name)
        sync_bag_to_db(bag, bundle.name, bundle.version)


def _run(dag: Any, conf: dict[str, Any], dated: bool) -> dict[str, Any]:
    logical_date = dt.datetime.now(dt.UTC) if dated else None
    run = dag.test(logical_date=logical_date, run_conf=conf)
    tasks: dict[str, list[str]] = {}
    for instance in run.get_task_instances():
        tasks.setdefault(instance.task_id, []).append(str(instance.state))
    return {
        "dag_id": dag.dag_id,
        "state": str(run.state),
        "tasks": {name: sorted(states) for name, states in tasks.items()},
        "xcoms": _xcoms(run.dag_id, run.run_id),
    }


def _xcoms(dag_id: str, run_id: str) -> dict[str, list[Any]]:
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    query = select(XComModel.task_id, XComModel.key, XComModel.value).where(
        XComModel.dag_id == dag_id, XComModel.run_id == run_id
    )
    found: dict[str, list[Any]] = {}
    with create_session() as session:
        for task_id, key, value in session.execute(query):
            found.setdefault(f"{task_id}/{key}", []).append(value)
    return found


if __name__ == "__main__":
    main()
