"""Which DAGs are paused in Airflow: the task's own interface to Airflow answers that.

Tasks may not read Airflow's tables, and they need no token for this. The execution interface that every task
uses answers for any DAG.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from airflow.sdk.exceptions import AirflowRuntimeError

PREFIX = "campaign__"


def dag_id_of(campaign: str) -> str:
    """Return the DAG id of a campaign."""
    return f"{PREFIX}{campaign}"


def paused_campaigns(campaigns: Iterable[str], get_dag: Callable[[str], Any]) -> tuple[set[str], set[str]]:
    """Return the campaigns whose DAG is paused, and those whose DAG Airflow knows.

    `get_dag` is the task instance's method. A campaign without a DAG (its file is new, or was never right) is in
    neither set, because Airflow says nothing about it.
    """
    paused, known = set(), set()
    for campaign in sorted(campaigns):
        dag = _ask(get_dag, dag_id_of(campaign))
        if dag is not None:
            known.add(campaign)
            if dag.is_paused:
                paused.add(campaign)
    return paused, known


def is_active(dag_id: str, get_dag: Callable[[str], Any]) -> bool:
    """Return whether Airflow knows the DAG and it is not paused."""
    dag = _ask(get_dag, dag_id)
    return dag is not None and not dag.is_paused


def _ask(get_dag: Callable[[str], Any], dag_id: str) -> Any | None:
    try:
        return get_dag(dag_id)
    except AirflowRuntimeError as error:
        if _is_not_found(error):
            return None
        raise


def _is_not_found(error: AirflowRuntimeError) -> bool:
    detail = getattr(error.error, "detail", None) or {}
    return detail.get("status_code") == 404
