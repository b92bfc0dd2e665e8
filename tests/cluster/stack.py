"""docker-compose.yml, up for one run under its own project name: ports, secrets, logs, and its removal."""

from __future__ import annotations

import base64
import json
import os
import secrets
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from cluster.engine import Engine, EngineError
from cluster.images import REPOSITORY, TAG
from local_stack.airflow import AirflowStack
from local_stack.processes import free_port

WORKERS = 2


class ComposeAirflow(AirflowStack):
    """Airflow's REST API of the composed api-server; starting and stopping is compose's business."""

    def __init__(self, folder: Path, port: int, password: str) -> None:
        super().__init__(folder, metadata_url="", environment={}, port=port)
        self._password = password

    def login(self) -> tuple[str, str]:
        return "admin", self._password


class Stack:
    """One compose project: start it, look at it, hurt it, and remove it."""

    def __init__(self, engine: Engine, folder: Path, images: dict[str, str]) -> None:
        self.engine = engine
        self.project = f"lifecycle-compose-test-{os.getpid()}"
        self.feeds = folder / "feeds"
        self.feeds.mkdir()
        self._folder = folder
        self._environment_file = folder / "environment"
        ports = {name: free_port(start) for name, start in _FIRST_PORTS.items()}
        self.settings = _settings(folder, ports) | images
        self._write_environment()
        self.airflow = ComposeAirflow(folder, ports["airflow"], self.settings["AIRFLOW_ADMIN_PASSWORD"])
        self.simulator = httpx.Client(
            base_url=f"http://127.0.0.1:{ports['simulator']}/simulator/",
            headers={"Authorization": f"Bearer {self.settings['SENDGRID_API_KEY']}"},
            timeout=60,
            trust_env=False,
        )
        password = self.settings["POSTGRES_PASSWORD"]
        self.warehouse_url = f"postgresql://lifecycle:{password}@127.0.0.1:{ports['postgres']}/lifecycle"

    def build(self) -> None:
        """Build the product's image, as `up --build` would. Raises: EngineError."""
        self._compose("build", "init")

    def up(self) -> None:
        """Start everything, with two workers; returns when all have started. Raises: EngineError."""
        self._compose("up", "--detach", "--no-build", "--scale", f"worker={WORKERS}")

    def down(self) -> None:
        """Remove containers, networks and volumes of this project, and nothing else. Raises: EngineError."""
        self.simulator.close()
        self._compose("down", "--volumes", "--remove-orphans", "--timeout", "10", timeout_seconds=300)

    def workers(self) -> list[str]:
        """Return the ids of the worker containers; Airflow calls their hosts by the first twelve digits."""
        return [one[:12] for one in self._compose("ps", "--quiet", "worker").split()]

    def kill(self, container: str) -> None:
        """Send SIGKILL to every process of the container at once; the container does not come back."""
        self.engine.docker("kill", "--signal", "KILL", container)

    def health(self) -> dict[str, str]:
        """Return what each running container's health check says (starting, healthy, unhealthy), by its name."""
        return {
            one["Name"].lstrip("/"): one["State"].get("Health", {}).get("Status", "has none")
            for one in self._containers()
            if one["State"]["Running"]
        }

    def restarts(self) -> dict[str, int]:
        """Return the containers that died by themselves and were started again, and how often."""
        return {one["Name"].lstrip("/"): one["RestartCount"] for one in self._containers() if one["RestartCount"]}

    def keep_logs(self, folder: Path) -> None:
        """Write what every container said, Airflow's task logs and the requests' ledger into `folder`."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        ledger = "select * from delivery.attempt order by attempt_id"
        psql = ("psql", "--username=lifecycle", "--dbname=lifecycle", "--csv", f"--command={ledger}")
        for one in self._containers():
            name, container = one["Config"]["Labels"]["com.docker.compose.service"], one["Id"]
            self.engine.write_log(container, folder / f"{name}-{container[:12]}.log")
            with suppress(EngineError):  # the rest is worth keeping all the same
                if name == "api-server":
                    self.engine.docker("cp", f"{container}:/opt/airflow/logs", str(folder / "airflow"))
                if name == "postgres":
                    (folder / "requests.csv").write_text(self.engine.docker("exec", container, *psql))

    def _containers(self) -> list[dict[str, Any]]:
        ids = self._compose("ps", "--all", "--quiet").split()
        return list(json.loads(self.engine.docker("inspect", *ids))) if ids else []

    def _compose(self, *arguments: str, timeout_seconds: float = 1200) -> str:
        files = ("docker-compose.yml", "tests/cluster/override.yml")
        return self.engine.compose(
            "--project-directory", str(REPOSITORY),
            "--project-name", self.project,
            "--env-file", str(self._environment_file),
            *(part for file in files for part in ("--file", str(REPOSITORY / file))),
            *arguments,
            timeout_seconds=timeout_seconds,
        )  # fmt: skip

    def _write_environment(self) -> None:
        """Fill in .env.example as its reader would: what this run sets, and no empty secret left."""
        example = (REPOSITORY / ".env.example").read_text()
        lines = [line for line in example.splitlines() if line.partition("=")[0] not in self.settings]
        lines += [f"{name}={value}" for name, value in self.settings.items()]
        self._environment_file.touch(mode=0o600)
        self._environment_file.write_text("\n".join(lines) + "\n")


_FIRST_PORTS = {"airflow": 18080, "collector": 18086, "simulator": 18085, "postgres": 15432}


def _settings(folder: Path, ports: dict[str, int]) -> dict[str, str]:
    return {
        "POSTGRES_PASSWORD": secrets.token_hex(24),
        "REDIS_PASSWORD": secrets.token_hex(24),
        "AIRFLOW_FERNET_KEY": base64.urlsafe_b64encode(os.urandom(32)).decode(),
        "AIRFLOW_JWT_SECRET": secrets.token_hex(64),
        "AIRFLOW_API_SECRET_KEY": secrets.token_hex(32),
        "AIRFLOW_ADMIN_PASSWORD": secrets.token_hex(12),
        "LIFECYCLE_LINK_SECRET": secrets.token_hex(32),
        "SENDGRID_WEBHOOK_PUBLIC_KEY": _make_webhook_key(folder / "webhook_private_key.pem"),
        "LIFECYCLE_MODE": "simulate",
        "LIFECYCLE_PUBLIC_URL": "http://collector:8086",
        "SENDGRID_API_KEY": f"SG.simulated.{secrets.token_hex(16)}",
        "SENDGRID_BASE_URL": "http://simulator:8085",
        "LIFECYCLE_SIMULATOR_HOSTS": "simulator",
        "FEEDS_FOLDER": str(folder / "feeds"),
        "LIFECYCLE_IMAGE_TAG": TAG,
        "AIRFLOW_ADDRESS": f"127.0.0.1:{ports['airflow']}",
        "COLLECTOR_ADDRESS": f"127.0.0.1:{ports['collector']}",
        "TEST_SIMULATOR_ADDRESS": f"127.0.0.1:{ports['simulator']}",
        "TEST_POSTGRES_ADDRESS": f"127.0.0.1:{ports['postgres']}",
        "TEST_FOLDER": str(folder),
    }


def _make_webhook_key(file: Path) -> str:
    """Write a key pair's private half for the simulator; return the public half as SendGrid's page shows it."""
    key = ec.generate_private_key(ec.SECP256R1())
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(public).decode()
