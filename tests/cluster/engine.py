"""The Docker engine a run uses: the one that answers, or one of its own that ends with the run."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

ENGINE_PACKAGES = ("docker.io", "docker-compose")
BRIDGE = Path("/sys/class/net/docker0")
START_SECONDS = 60.0
STOP_SECONDS = 60.0


class EngineError(RuntimeError):
    """No engine, or a command of it failed; the message says which, and ends with what it printed."""


class Engine:
    """Runs docker and docker-compose with `environment`; `is_ours` says that it was started for this run."""

    def __init__(self, environment: Mapping[str, str], is_ours: bool) -> None:
        self.environment = dict(environment)
        self.is_ours = is_ours
        self._compose = _compose_command(self.environment)

    def docker(self, *arguments: str, timeout_seconds: float = 900) -> str:
        """Run `docker …` and return its output. Raises: EngineError."""
        return _output(["docker", *arguments], self.environment, timeout_seconds)

    def write_log(self, container: str, file: Path) -> None:
        """Write the last lines a container said, on either of its outputs, into `file`."""
        with file.open("wb") as stream:
            command = ["docker", "logs", "--tail", "5000", container]
            subprocess.run(command, env=self.environment, stdout=stream, stderr=subprocess.STDOUT, check=False)

    def compose(self, *arguments: str, timeout_seconds: float = 1200) -> str:
        """Run `docker-compose …` and return its output. Raises: EngineError."""
        return _output([*self._compose, *arguments], self.environment, timeout_seconds)


@contextmanager
def engine(folder: Path, console: Console) -> Iterator[Engine]:
    """Give a Docker engine; if none answers, start Debian's below `folder` (as root) and remove it afterwards.

    Raises:
        EngineError: no engine answers and none can be started.
    """
    environment = _plain_environment()
    if _answers(environment):
        _install([] if _has_compose(environment) else ["docker-compose"], console)
        yield Engine(environment, is_ours=False)
        return
    _install([] if shutil.which("dockerd") and _has_compose(environment) else ENGINE_PACKAGES, console)
    environment["DOCKER_HOST"] = f"unix://{folder}/engine.sock"
    with _started(folder, environment):
        yield Engine(environment, is_ours=True)


def install_where_missing(program: str, package: str, console: Console) -> None:
    """Install the Debian package of `program` if the program is missing. Raises: EngineError."""
    _install([] if shutil.which(program) else [package], console)


@contextmanager
def _started(folder: Path, environment: Mapping[str, str]) -> Iterator[None]:
    had_bridge = BRIDGE.exists()
    log = folder / "engine.log"
    command = ["dockerd", "--host", environment["DOCKER_HOST"], "--data-root", str(folder / "engine")]
    command += ["--exec-root", str(folder / "engine-run"), "--pidfile", str(folder / "engine.pid")]
    with log.open("wb") as output:
        # A group of its own: Ctrl-C reaches this run alone, which then ends the engine in order.
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _answers(environment):
            if process.poll() is not None or time.monotonic() > deadline:
                lines = log.read_text(errors="replace").splitlines()[-5:]
                raise EngineError("dockerd does not start:\n" + "\n".join(lines))
            time.sleep(0.5)
        yield
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if not had_bridge and BRIDGE.exists():  # dockerd leaves it behind
            subprocess.run(["ip", "link", "delete", BRIDGE.name], capture_output=True, check=False)
        shutil.rmtree(folder / "engine", ignore_errors=True)


def _plain_environment() -> dict[str, str]:
    """Return this environment without what would reach into compose: its own variables, ours, Python's path."""
    mixed_in = ("COMPOSE_", "LIFECYCLE_", "SENDGRID_", "AIRFLOW_", "POSTGRES_", "REDIS_", "PYTHON")
    return {name: value for name, value in os.environ.items() if not name.startswith(mixed_in)}


def _answers(environment: Mapping[str, str]) -> bool:
    """Return whether an engine answers; a client alone is not enough."""
    if not shutil.which("docker"):
        return False
    command = ["docker", "version", "--format", "{{.Server.Version}}"]
    return subprocess.run(command, env=dict(environment), capture_output=True, check=False).returncode == 0


def _has_compose(environment: Mapping[str, str]) -> bool:
    try:
        return bool(_compose_command(environment))
    except EngineError:
        return False


def _compose_command(environment: Mapping[str, str]) -> list[str]:
    if shutil.which("docker-compose"):
        return ["docker-compose"]
    plugin = ["docker", "compose"]
    if subprocess.run([*plugin, "version"], env=dict(environment), capture_output=True, check=False).returncode:
        raise EngineError("neither docker-compose nor `docker compose` is installed")
    return plugin


def _install(packages: tuple[str, ...] | list[str], console: Console) -> None:
    if not packages:
        return
    names = " ".join(packages)
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise EngineError(
            f"no Docker engine answers here, or {names} is missing: install and start it, or run as root on Debian"
        )
    console.print(f"        installing {names}", highlight=False)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    _output(["apt-get", "update", "-qq"], environment, 300)
    _output(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages], environment, 600)


def _output(command: list[str], environment: Mapping[str, str], timeout_seconds: float) -> str:
    done = subprocess.run(
        command, env=dict(environment), capture_output=True, text=True, check=False, timeout=timeout_seconds
    )
    if done.returncode:
        said = (done.stdout + done.stderr).strip().splitlines()[-25:]
        raise EngineError(f"`{' '.join(command[:6])} …` failed ({done.returncode}):\n" + "\n".join(said))
    return done.stdout
