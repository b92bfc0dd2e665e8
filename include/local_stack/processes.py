"""Long-running processes of the local stack: started apart from the terminal, kept running, stopped by name.

Each service is one restarter (``local_stack.restarter``) that runs the real command and starts it again
when it dies. `<home>/run/<name>.json` remembers the restarter by process id **and** start time, so that a
number the system has given to another process since is never mistaken for ours.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

INCLUDE = Path(__file__).resolve().parent.parent
_SAME_START_SECONDS = 1.0


class NotReady(RuntimeError):
    """A service did not become ready in time; the message says which, and where its log is."""


@dataclass(frozen=True)
class Service:
    """One named process of the stack; its files are ``home/run/<name>.json`` and ``home/logs/<name>.log``."""

    home: Path
    name: str

    @property
    def log_file(self) -> Path:
        return self.home / "logs" / f"{self.name}.log"

    @property
    def pid_file(self) -> Path:
        return self.home / "run" / f"{self.name}.json"

    def start(self, command: Sequence[str], environment: Mapping[str, str], *, restarts: int = 20) -> int:
        """Start `command` under a restarter, unless this service already runs; return the restarter's pid.

        `environment` is added to this process's own. Output goes to `log_file`. `restarts` is how many
        times the command may die before the restarter gives up.
        """
        running = self.process()
        if running is not None:
            return running.pid
        for file in (self.log_file, self.pid_file):
            file.parent.mkdir(parents=True, exist_ok=True)
        restarter = [sys.executable, "-m", "local_stack.restarter", str(restarts), *command]
        with self.log_file.open("ab") as log:
            started = subprocess.Popen(
                restarter,
                env=with_include({**os.environ, **environment}),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._remember(started.pid)
        return started.pid

    def process(self) -> psutil.Process | None:
        """Return the restarter this file remembers, or None when it no longer runs."""
        note = self._note()
        return _alive(note) if note else None

    def stop(self, grace_seconds: float = 15.0) -> bool:
        """Ask the service to end, then end it and all it started; return False where nothing ran."""
        note = self._note()
        family = _family(note) if note else []
        if family:
            end(family, grace_seconds)
        self.pid_file.unlink(missing_ok=True)
        return bool(family)

    def last_lines(self, count: int = 15) -> str:
        """Return the end of the log, for an error message."""
        if not self.log_file.exists():
            return "(no log)"
        return "\n".join(self.log_file.read_text(errors="replace").splitlines()[-count:])

    def _remember(self, pid: int) -> None:
        note = _Note(pid, psutil.Process(pid).create_time())
        self.pid_file.write_text(json.dumps(asdict(note)))

    def _note(self) -> _Note | None:
        try:
            return _Note(**json.loads(self.pid_file.read_text()))
        except (OSError, ValueError, TypeError):
            return None


@dataclass(frozen=True)
class _Note:
    pid: int
    started_at: float


def _alive(note: _Note) -> psutil.Process | None:
    try:
        process = psutil.Process(note.pid)
        same = abs(process.create_time() - note.started_at) < _SAME_START_SECONDS
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.Error:
        return None


def _family(note: _Note) -> list[psutil.Process]:
    """Return the restarter first, if it lives, and all it started: its descendants and its session.

    The session finds what a killed restarter left behind: its number stays taken as long as a member lives.
    """
    leader = _alive(note)
    if leader is None and psutil.pid_exists(note.pid):
        return []  # the number belongs to another process now
    found = [leader, *leader.children(recursive=True)] if leader else []
    members = [process for process in psutil.process_iter() if _session(process.pid) == note.pid]
    return list(dict.fromkeys([*found, *members]))


def _session(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except OSError:
        return None


def end(family: Sequence[psutil.Process], grace_seconds: float) -> None:
    """Terminate the first of `family`, wait for all of it, and kill those that stay."""
    with suppress(psutil.NoSuchProcess):
        family[0].terminate()
    _, alive = psutil.wait_procs(family, timeout=grace_seconds)
    for survivor in alive:
        with suppress(psutil.NoSuchProcess):
            survivor.kill()
    psutil.wait_procs(alive, timeout=5)


def running_services(home: Path) -> list[Service]:
    """Return the services of `home` that run now, sorted by name."""
    services = [Service(home, file.stem) for file in sorted((home / "run").glob("*.json"))]
    return [service for service in services if service.process() is not None]


def with_include(environment: dict[str, str]) -> dict[str, str]:
    """Return `environment` with include/ first on PYTHONPATH."""
    paths = [str(INCLUDE), *filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))]
    return {**environment, "PYTHONPATH": os.pathsep.join(dict.fromkeys(paths))}


def free_port(preferred: int | None = None) -> int:
    """Return `preferred` if nothing listens there on 127.0.0.1, else a port that is free now."""
    if preferred and _is_free(preferred):
        return preferred
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def wait_until(
    ready: Callable[[], bool], what: str, timeout_seconds: float, every_seconds: float = 0.5
) -> None:
    """Call `ready` until it returns True.

    Raises:
        NotReady: it did not within `timeout_seconds`; the message is `what`.
    """
    deadline = time.monotonic() + timeout_seconds
    while not ready():
        if time.monotonic() > deadline:
            raise NotReady(f"{what} (waited {timeout_seconds:.0f} s)")
        time.sleep(every_seconds)
