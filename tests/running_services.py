"""Starts the simulator and the collector as the real processes they are, on free ports of this machine."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from local_stack.processes import free_port

INCLUDE = Path(__file__).resolve().parent.parent / "include"
API_KEY = "SG.for-tests"
UI_TOKEN = "token-for-tests"
START_SECONDS = 30.0


@dataclass
class Service:
    """A running process; `client` talks to it and, for the simulator, carries its bearer key."""

    url: str
    process: subprocess.Popen[str]
    client: httpx.Client
    log: Path

    def kill(self) -> None:
        """kill -9, as a crash would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def module_command(module: str, *options: str) -> list[str]:
    return [sys.executable, "-m", module, *options]


def clean_environment(**settings: str) -> dict[str, str]:
    """The environment with include/ on the path and none of the product's own settings but the given."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("SENDGRID_", "LIFECYCLE_"))}
    return {**inherited, "PYTHONPATH": str(INCLUDE), **settings}


@contextmanager
def running(
    command: list[str], env: Mapping[str, str], url: str, ready: str, headers: Mapping[str, str], log: Path
) -> Iterator[Service]:
    """Start a process, wait until `ready` answers 200, and end it afterwards."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a") as output:
        process = subprocess.Popen(command, env=dict(env), stdout=output, stderr=subprocess.STDOUT, text=True)
    try:
        with httpx.Client(base_url=url, headers=dict(headers), timeout=20, trust_env=False) as client:
            _wait(client, ready, process, log)
            yield Service(url, process, client, log)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(client: httpx.Client, path: str, process: subprocess.Popen[str], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if client.get(path).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise AssertionError(f"{client.base_url} did not come up: {log.read_text()}")


@contextmanager
def running_simulator(folder: Path, *options: str) -> Iterator[Service]:
    """A simulator that records into `folder`; its key is API_KEY, its pages' token UI_TOKEN."""
    port = free_port()
    command = module_command(
        "sendgrid_simulator", "--port", str(port), "--record", str(folder),
        "--api-key", API_KEY, "--ui-token", UI_TOKEN, *options,
    )  # fmt: skip
    bearer = {"Authorization": f"Bearer {API_KEY}"}
    url = f"http://127.0.0.1:{port}"
    with running(command, clean_environment(), url, "/simulator/state", bearer, folder.parent / "simulator.log") as one:
        yield one


@contextmanager
def running_collector(folder: Path, *options: str, **settings: str) -> Iterator[Service]:
    """A collector that writes to `folder`; `settings` are environment variables."""
    port = free_port()
    command = module_command("event_collector", "--port", str(port), *options)
    env = clean_environment(LIFECYCLE_EVENTS_DIR=str(folder), **settings)
    url = f"http://127.0.0.1:{port}"
    with running(command, env, url, "/health", {}, folder.parent / "collector.log") as one:
        yield one


def settle(simulator: Service, seconds: float = 30.0) -> dict[str, Any]:
    """Wait until the simulator has posted every event and return its state."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        state: dict[str, Any] = simulator.client.get("/simulator/state").json()
        if state["settled"]:
            return state
        time.sleep(0.1)
    raise AssertionError(f"the simulator did not settle: {state}")


def lines_in(folder: Path) -> list[dict[str, Any]]:
    """Every event line of a collector's folder; a line that is not JSON fails the test."""
    return [json.loads(line) for file in sorted(folder.glob("*.ndjson")) for line in file.read_text().splitlines()]
