"""Airflow on one machine: api-server, scheduler, dag-processor and triggerer with the LocalExecutor.

Each component runs under a restarter; metadata live in PostgreSQL (SQLite breaks the scheduler under load).
Everything is steered over Airflow's public REST API with a token, the way a person would.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy.engine import make_url

from local_stack.processes import INCLUDE, NotReady, Service, free_port, wait_until, with_include

REPOSITORY = INCLUDE.parent
COMPONENTS = ("api-server", "dag-processor", "scheduler", "triggerer")
FINISHED = frozenset({"success", "failed"})
USER = "admin"
_KEYS = ("AIRFLOW__API_AUTH__JWT_SECRET", "AIRFLOW__API__SECRET_KEY")
_INNER_PORTS = (
    "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT",
    "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT",
    "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_SERVER_PORT",
)


@dataclass(frozen=True)
class Run:
    """One DAG run as the REST API tells it; `state` is queued, running, success or failed."""

    dag_id: str
    run_id: str
    state: str
    run_type: str
    queued_at: dt.datetime | None


class AirflowStack:
    """One Airflow installation below `home`, with its API on 127.0.0.1:`port`.

    `metadata_url` is a SQLAlchemy address of an existing PostgreSQL database for Airflow's own tables;
    `environment` is added to every component's (LIFECYCLE_*, SENDGRID_*, AIRFLOW__*).
    """

    def __init__(self, home: Path, metadata_url: str, environment: Mapping[str, str], port: int) -> None:
        self.home = home
        self.url = f"http://127.0.0.1:{port}"
        self.airflow_home = home / "airflow"
        self._metadata_url = metadata_url
        self._environment = dict(environment)
        self._port = port
        self._client: httpx.Client | None = None

    # Starting and stopping

    def environment(self) -> dict[str, str]:
        """Return the variables that components and `airflow` commands of this installation need besides os.environ."""
        return {**self._settings(), **self._made_once(), **self._environment}

    def start(self, components: Sequence[str] = COMPONENTS) -> None:
        """Migrate the metadata and start what does not run yet; returns before Airflow is ready.

        Raises:
            NotReady: the metadata could not be migrated; the message carries the end of the log.
        """
        self.airflow_home.mkdir(parents=True, exist_ok=True)
        self._write_password()
        self._migrate()
        environment = self.environment()
        for component in components:
            self._service(component).start(airflow_command(component), environment)

    def wait_healthy(self, timeout_seconds: float = 180) -> None:
        """Wait until API, scheduler and dag-processor say that they are well.

        Raises:
            NotReady: with the end of the API server's log.
        """
        try:
            wait_until(self.is_healthy, "Airflow did not become healthy", timeout_seconds, every_seconds=1)
        except NotReady as error:
            log = self._service("api-server")
            raise NotReady(f"{error}; see {log.log_file.parent}:\n{log.last_lines()}") from None

    def is_healthy(self) -> bool:
        """Tell whether every needed component answers now."""
        try:
            health = httpx.get(f"{self.url}/api/v2/monitor/health", timeout=5).json()
        except (httpx.HTTPError, ValueError):
            return False
        needed = ("metadatabase", "scheduler", "dag_processor")
        return all((health.get(part) or {}).get("status") == "healthy" for part in needed)

    def stop(self) -> list[str]:
        """Stop every component this home has started, and nothing else; return their names."""
        if self._client is not None:
            self._client.close()
            self._client = None
        return [name for name in reversed(COMPONENTS) if self._service(name).stop()]

    def login(self) -> tuple[str, str]:
        """Return user and password of the web page."""
        return USER, str(json.loads(self._password_file.read_text())[USER])

    # Working with DAGs

    def wait_dags(self, dag_ids: Iterable[str], timeout_seconds: float = 90) -> None:
        """Wait until the dag-processor has stored every DAG of `dag_ids`.

        Raises:
            NotReady: names those missing, and the import errors Airflow shows.
        """
        wanted = set(dag_ids)
        try:
            wait_until(lambda: wanted <= set(self.dags()), "DAGs are missing", timeout_seconds)
        except NotReady as error:
            missing = ", ".join(sorted(wanted - set(self.dags())))
            raise NotReady(f"{error}: {missing}; import errors: {self.import_errors() or 'none'}") from None

    def dags(self) -> dict[str, bool]:
        """Return every DAG's id and whether it is paused."""
        return {dag["dag_id"]: dag["is_paused"] for dag in self.get("dags", limit=1000)["dags"]}

    def import_errors(self) -> dict[str, str]:
        """Return the import errors by file name."""
        return {e["filename"]: e["stack_trace"] for e in self.get("importErrors", limit=100)["import_errors"]}

    def unpause(self, dag_ids: Iterable[str]) -> None:
        """Unpause each DAG, waiting for it to be known first. A timed DAG then runs its latest period."""
        names = list(dag_ids)
        self.wait_dags(names)
        for dag_id in names:
            self.request("PATCH", f"dags/{dag_id}", json={"is_paused": False})

    def pause(self, dag_ids: Iterable[str]) -> None:
        """Pause each DAG."""
        for dag_id in dag_ids:
            self.request("PATCH", f"dags/{dag_id}", json={"is_paused": True})

    def trigger(self, dag_id: str, conf: Mapping[str, Any] | None = None) -> Run:
        """Ask the scheduler for a run of its own, without a logical date."""
        body = {"logical_date": None, "conf": dict(conf or {})}
        return _run(self.request("POST", f"dags/{dag_id}/dagRuns", json=body).json())

    def announce(self, asset: str) -> None:
        """Tell Airflow that `asset` has something new, as a program outside may do; its DAGs then run."""
        found = self.get("assets", name_pattern=asset, limit=100)["assets"]
        asset_id = next(one["id"] for one in found if one["name"] == asset)
        self.request("POST", "assets/events", json={"asset_id": asset_id, "extra": {}})

    def runs(self, dag_id: str) -> list[Run]:
        """Return the DAG's runs, the newest first."""
        answer = self.get(f"dags/{dag_id}/dagRuns", limit=100, order_by="-run_after")
        return [_run(run) for run in answer["dag_runs"]]

    def wait_run(self, run: Run, timeout_seconds: float = 180) -> Run:
        """Wait until `run` is finished and return it as it ended, failed or not."""
        return self.wait_runs([run], timeout_seconds)[0]

    def wait_runs(self, runs: Sequence[Run], timeout_seconds: float = 180) -> list[Run]:
        """Wait until every one of `runs` is finished; return them as they ended, in the same order.

        Raises:
            NotReady: names the runs still going on.
        """
        ended: dict[tuple[str, str], Run] = {}

        def all_finished() -> bool:
            for run in runs:
                if (run.dag_id, run.run_id) not in ended:
                    now = _run(self.get(f"dags/{run.dag_id}/dagRuns/{run.run_id}"))
                    if now.state in FINISHED:
                        ended[run.dag_id, run.run_id] = now
            return all((run.dag_id, run.run_id) in ended for run in runs)

        names = ", ".join(sorted({run.dag_id for run in runs}))
        wait_until(all_finished, f"runs did not finish: {names}", timeout_seconds)
        return [ended[run.dag_id, run.run_id] for run in runs]

    def wait_idle(self, dag_ids: Iterable[str], timeout_seconds: float = 180) -> dict[str, Run]:
        """Wait until each DAG has run at least once and none is queued or running; return the newest runs."""
        names = list(dag_ids)

        def idle() -> bool:
            return all(
                (found := self.runs(name)) and all(run.state in FINISHED for run in found) for name in names
            )

        wait_until(idle, f"runs did not finish: {', '.join(names)}", timeout_seconds, every_seconds=1)
        return {name: self.runs(name)[0] for name in names}

    def wait_new_run(
        self, dag_id: str, run_type: str, known: Iterable[Run] = (), timeout_seconds: float = 180
    ) -> Run:
        """Wait for a run of `run_type` (scheduled, manual, asset_triggered) that is not in `known`, and for its end.

        Raises:
            NotReady: no such run came, or it did not end.
        """
        seen = {run.run_id for run in known}

        def fresh() -> list[Run]:
            return [run for run in self.runs(dag_id) if run.run_type == run_type and run.run_id not in seen]

        wait_until(lambda: bool(fresh()), f"no {run_type} run of {dag_id} came", timeout_seconds)
        return self.wait_run(fresh()[-1], timeout_seconds)

    def task_states(self, run: Run) -> dict[str, str]:
        """Return the state of each task of `run`; of a mapped task, the states of its instances."""
        path = f"dags/{run.dag_id}/dagRuns/{run.run_id}/taskInstances"
        states: dict[str, set[str]] = {}
        for instance in self.get(path, limit=1000)["task_instances"]:
            states.setdefault(instance["task_id"], set()).add(str(instance["state"]))
        return {task_id: "+".join(sorted(found)) for task_id, found in states.items()}

    # The REST API

    def get(self, path: str, **query: Any) -> Any:
        """GET /api/v2/`path` and return its JSON."""
        return self.request("GET", path, params=query).json()

    def request(
        self, method: str, path: str, *, allowed: Sequence[int] = (200, 201, 204), **options: Any
    ) -> httpx.Response:
        """Call /api/v2/`path` with the admin's token; once more when a component is being restarted.

        Raises:
            NotReady: the API answered something else than `allowed`, or nothing.
        """
        for attempt in range(4):
            try:
                answer = self._session().request(method, f"/api/v2/{path}", **options)
            except httpx.TransportError as error:
                problem = f"{type(error).__name__}: {error}"
            else:
                if answer.status_code in allowed:
                    return answer
                problem = f"{answer.status_code} {answer.text[:400]}"
                if 400 <= answer.status_code < 500 and answer.status_code != 401:
                    break
                self._client = None if answer.status_code == 401 else self._client
            time.sleep(1 + attempt)
        raise NotReady(f"Airflow answered {method} /api/v2/{path} with {problem}")

    def _session(self) -> httpx.Client:
        if self._client is None:
            user, password = self.login()
            credentials = {"username": user, "password": password}
            token = httpx.post(f"{self.url}/auth/token", json=credentials, timeout=30)
            token.raise_for_status()
            headers = {"Authorization": f"Bearer {token.json()['access_token']}"}
            self._client = httpx.Client(base_url=self.url, headers=headers, timeout=30)
        return self._client

    # Files and settings

    @property
    def _password_file(self) -> Path:
        return self.airflow_home / "simple_auth_manager_passwords.json.generated"

    def _write_password(self) -> None:
        if not self._password_file.exists():
            _write_private(self._password_file, json.dumps({USER: secrets.token_urlsafe(12)}))

    def _made_once(self) -> dict[str, str]:
        """Return the keys and inner ports of this home: made once, the same for all components."""
        file = self.airflow_home / "made_once.json"
        if not file.exists():
            self.airflow_home.mkdir(parents=True, exist_ok=True)
            keys = {name: secrets.token_hex(64) for name in _KEYS}
            ports = {name: str(free_port(self._port + n)) for n, name in enumerate(_INNER_PORTS, start=1)}
            _write_private(file, json.dumps({**keys, **ports}))
        return dict(json.loads(file.read_text()))

    def _settings(self) -> dict[str, str]:
        return {
            "AIRFLOW_HOME": str(self.airflow_home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(REPOSITORY / "dags"),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(REPOSITORY / "plugins"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__PARALLELISM": "4",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(self._password_file),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": _psycopg2(self._metadata_url),
            "AIRFLOW__DATABASE__LOAD_DEFAULT_CONNECTIONS": "False",
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(self._port),
            "AIRFLOW__API__BASE_URL": self.url,
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(self.airflow_home / "logs"),
            "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "30",
            "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        }

    def _migrate(self) -> None:
        done = subprocess.run(
            airflow_command("db", "migrate"),
            env=with_include({**os.environ, **self.environment()}),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            output = (done.stdout + done.stderr)[-2000:]
            raise NotReady(f"Airflow's metadata could not be migrated:\n{output}")

    def _service(self, component: str) -> Service:
        return Service(self.home, f"airflow-{component}")


def airflow_command(*arguments: str) -> list[str]:
    """Return the command line of `airflow …` in this Python environment."""
    return [sys.executable, "-m", "airflow", *arguments]


def _psycopg2(url: str) -> str:
    return make_url(url).set(drivername="postgresql+psycopg2").render_as_string(hide_password=False)


def _write_private(file: Path, text: str) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(text)


def _run(answer: Mapping[str, Any]) -> Run:
    queued = answer.get("queued_at")
    return Run(
        dag_id=answer["dag_id"],
        run_id=answer["dag_run_id"],
        state=answer["state"],
        run_type=answer["run_type"],
        queued_at=dt.datetime.fromisoformat(queued) if queued else None,
    )
