"""The local stack's processes: kept running, found again, and only its own ones stopped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from local_stack.processes import NotReady, Service, free_port, running_services, wait_until

PYTHON = sys.executable
SLEEP = [PYTHON, "-c", "import time; print('up', flush=True); time.sleep(60)"]


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """A service whose processes are gone after the test."""
    own = Service(tmp_path, "sleeper")
    yield own
    own.stop(grace_seconds=1)


def _lines(service: Service, word: str) -> int:
    return service.log_file.read_text().count(word) if service.log_file.exists() else 0


def test_a_service_is_started_once(service: Service) -> None:
    """Starting a running service again starts nothing and returns the same process."""
    first = service.start(SLEEP, {})
    assert service.start(SLEEP, {}) == first
    assert running_services(service.home) == [service]


def test_a_dead_command_is_started_again(service: Service) -> None:
    """When the command is killed, the restarter runs it again."""
    service.start(SLEEP, {})
    wait_until(lambda: _lines(service, "up") == 1, "first start", 20)
    process = service.process()
    assert process is not None
    os.kill(process.children()[0].pid, signal.SIGKILL)
    wait_until(lambda: _lines(service, "up") == 2, "second start", 20)


def test_a_restarter_gives_up(service: Service) -> None:
    """A command that always fails is not restarted for ever."""
    service.start([PYTHON, "-c", "print('again', flush=True); raise SystemExit(3)"], {}, restarts=1)
    wait_until(lambda: service.process() is None, "giving up", 20)
    assert _lines(service, "again\n") == 2


def test_a_command_that_ends_in_order_is_not_restarted(service: Service) -> None:
    """Status 0 means that the service wanted to end."""
    service.start([PYTHON, "-c", "print('once', flush=True)"], {})
    wait_until(lambda: service.process() is None, "the end", 20)
    assert _lines(service, "once") == 1


def test_stop_ends_the_command_and_its_children(service: Service) -> None:
    """Stopping leaves no process behind, not even a child that ignores SIGTERM."""
    stubborn = (
        "import signal, subprocess, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']);"
        "print('up', flush=True); time.sleep(60)"
    )
    service.start([PYTHON, "-c", stubborn], {})
    wait_until(lambda: _lines(service, "up") == 1, "start", 20)
    process = service.process()
    assert process is not None
    family = [process, *process.children(recursive=True)]
    assert len(family) == 3
    assert service.stop(grace_seconds=1)
    assert [member for member in family if member.is_running() and member.status() != "zombie"] == []
    assert not service.pid_file.exists()
    assert not service.stop()


def test_stop_finds_what_a_killed_restarter_left(service: Service) -> None:
    """If the restarter itself was killed, its command is still found and ended."""
    service.start(SLEEP, {})
    wait_until(lambda: _lines(service, "up") == 1, "start", 20)
    process = service.process()
    assert process is not None
    command = process.children()[0]
    process.kill()
    process.wait(5)
    assert command.is_running()
    assert service.stop(grace_seconds=2)
    assert not command.is_running() or command.status() == psutil.STATUS_ZOMBIE


def test_stop_spares_a_stranger_with_our_old_number(service: Service) -> None:
    """A process that got the remembered number later is not ours and stays."""
    stranger = subprocess.Popen(SLEEP, stdout=subprocess.DEVNULL)
    try:
        service.pid_file.parent.mkdir(parents=True)
        service.pid_file.write_text(json.dumps({"pid": stranger.pid, "started_at": 1.0}))
        assert service.process() is None
        assert not service.stop()
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_free_port_is_free() -> None:
    """The preferred port is given when nothing listens there, another one otherwise."""
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = taken.getsockname()[1]
        assert free_port(number) != number
    assert free_port(number) == number


def test_waiting_ends_with_a_readable_error() -> None:
    """A condition that never holds raises NotReady with what was waited for."""
    with pytest.raises(NotReady, match="nobody came"):
        wait_until(lambda: False, "nobody came", timeout_seconds=0.05, every_seconds=0.01)
