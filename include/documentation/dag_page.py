"""docs/dags.md: every DAG's own documentation, with its schedule, tags and tasks as Airflow sees them."""

from __future__ import annotations

import ast
import atexit
import logging
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
DAGS = REPOSITORY / "dags"
PATH_ORDER = ("load_sources", "campaign__", "deliver_messages", "ingest_events", "roll_up_kpis")

_HEAD = """# DAGs

Generated from `dags/` by `make docs`: edit the docstring there, not this page.

The DAGs follow the path; assets chain them. A DAG's docstring is its documentation, here and in Airflow.
"""


def page() -> str:
    """Return the page as Markdown.

    Raises:
        RuntimeError: a DAG file cannot be imported; the message says which and why.
    """
    dags = _dags()
    shared = _docstring(DAGS / "campaigns.py")
    names = sorted(dags, key=_place)
    table = ["| DAG | runs | tasks | tags |", "|---|---|---|---|", *(_row(dags[name]) for name in names)]
    sections = [_section(dags[name]) for name in names if not name.startswith("campaign__")]
    campaigns = _campaigns([dags[name] for name in names if name.startswith("campaign__")], shared)
    sections.insert(1, campaigns)
    return "\n".join([_HEAD, *table, "", *sections]).rstrip() + "\n"


def _dags() -> dict[str, Any]:
    """Parse dags/ as the repository has it, whatever the environment of this process says."""
    home = tempfile.mkdtemp(prefix="airflow_home_")
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    for name in [name for name in os.environ if name.startswith(("LIFECYCLE_", "AIRFLOW_"))]:
        del os.environ[name]
    os.environ.update(
        AIRFLOW_HOME=home,
        AIRFLOW__CORE__DAGS_FOLDER=str(DAGS),
        AIRFLOW__CORE__PLUGINS_FOLDER=str(REPOSITORY / "plugins"),
        AIRFLOW__CORE__LOAD_EXAMPLES="False",
        AIRFLOW__LOGGING__LOGGING_LEVEL="ERROR",
    )
    from airflow.dag_processing.dagbag import DagBag

    logging.getLogger().setLevel(logging.ERROR)
    bag = DagBag(str(DAGS))
    if bag.import_errors:
        raise RuntimeError(f"dags/ cannot be imported: {bag.import_errors}")
    return dict(bag.dags)


def _place(name: str) -> tuple[int, str]:
    for number, prefix in enumerate(PATH_ORDER):
        if name.startswith(prefix):
            return number, name
    return len(PATH_ORDER), name


def _row(dag: Any) -> str:
    tasks = " → ".join(f"`{task.task_id}`" for task in dag.topological_sort())
    tags = ", ".join(f"`{tag}`" for tag in sorted(dag.tags))
    return f"| [{dag.dag_id}](#{dag.dag_id}) | {schedule_text(dag.timetable)} | {tasks} | {tags} |"


def schedule_text(timetable: Any) -> str:
    """Return when a DAG runs, in words."""
    kind = type(timetable).__name__
    if kind == "CronDataIntervalTimetable":
        return f"`{timetable.expression}` UTC, each run a period"
    if kind == "CronTriggerTimetable":
        return f"`{timetable.expression}` UTC"
    if kind == "AssetOrTimeSchedule":
        return f"{schedule_text(timetable.timetable)}, or when {_assets(timetable)} has something new"
    if kind == "AssetTriggeredTimetable":
        return f"when {_assets(timetable)} has something new"
    if kind == "NullTimetable":
        return "by hand"
    raise RuntimeError(f"no words for the schedule {kind}: add them to documentation/dag_page.py")


def _assets(timetable: Any) -> str:
    names = sorted(asset.name for asset in timetable.asset_condition.objects)
    return " and ".join(f"`{name}`" for name in names)


def _section(dag: Any) -> str:
    return f"## {dag.dag_id}\n\n{dag.doc_md.strip()}\n{_params(dag)}"


def _params(dag: Any) -> str:
    rows = [
        f"| `{name}` | {dag.params.get_param(name).description or ''} |" for name in sorted(dag.params)
    ]
    return "\n".join(["", "| param | |", "|---|---|", *rows, ""]) if rows else ""


def _campaigns(dags: list[Any], shared: str) -> str:
    """Return one section for all campaigns: what they share once, then each of its own."""
    own = [f"### {dag.dag_id}\n\n{dag.doc_md.replace(shared, '').strip()}\n" for dag in dags]
    return "\n".join(["## Campaigns: campaign__<name>\n", shared, _params(dags[0]), *own])


def _docstring(file: Path) -> str:
    return (ast.get_docstring(ast.parse(file.read_text(encoding="utf-8")), clean=False) or "").strip()
