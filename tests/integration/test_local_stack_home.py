"""What a demo remembers between runs, and how it says what went wrong."""

from __future__ import annotations

import io
import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from local_stack.home import PREFERRED_PORTS, Home
from local_stack.processes import NotReady, free_port, running_services, wait_until
from local_stack.steps import StepFailed, Steps
from local_stack.stopping import stop

REPOSITORY = Path(__file__).resolve().parents[2]


def test_ports_and_secrets_are_kept(tmp_path: Path) -> None:
    """A second run has the same port and the same secrets as the first."""
    first = Home(tmp_path / "demo")
    port, secret = first.port("airflow"), first.secret("link_secret")
    second = Home(tmp_path / "demo")
    assert second.port("airflow") == port
    assert second.secret("link_secret") == secret
    assert second.secret("another") != secret


def test_a_port_somebody_else_took_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A remembered port that another program listens on is given up, and the new one is remembered."""
    monkeypatch.setitem(PREFERRED_PORTS, "collector", free_port())
    home = Home(tmp_path / "demo")
    port = home.port("collector")
    with socket.create_server(("127.0.0.1", port)):
        replaced = home.port("collector")
        assert replaced != port
    assert home.port("collector") == replaced


def test_a_port_of_our_own_running_service_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the service runs, it uses its port itself, and the port stays the remembered one."""
    monkeypatch.setitem(PREFERRED_PORTS, "simulator", free_port())
    home = Home(tmp_path / "demo")
    port = home.port("simulator", "listener")
    code = f"import socket, time; s = socket.create_server(('127.0.0.1', {port})); time.sleep(600)"
    home.service("listener").start([sys.executable, "-c", code], {})
    wait_until(lambda: free_port(port) != port, "the listener does not listen", 30)
    try:
        assert home.port("simulator", "listener") == port
    finally:
        assert stop(home) == ["listener"]
    assert running_services(home.folder) == []


def test_what_holds_secrets_is_private(tmp_path: Path) -> None:
    """State and environment are readable by their owner alone, and the environment is shell text."""
    home = Home(tmp_path / "demo")
    home.secret("link_secret")
    environment = home.write_environment({"SENDGRID_API_KEY": "it's a $key"})
    for file in (home.folder / "state.json", environment):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    shown = subprocess.run(
        ["sh", "-c", f'. {environment} && printf "%s" "$SENDGRID_API_KEY"'],
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout == "it's a $key"


def test_a_failed_step_is_one_line_that_says_what_to_do(tmp_path: Path) -> None:
    """The line names the step, the first line of the cause, the log, and what to do next."""
    steps = Steps(Console(file=io.StringIO()))
    log = tmp_path / "some.log"
    with pytest.raises(StepFailed) as failure, steps.step("brew [tea]", log, "Boil water."):
        raise NotReady("the kettle is cold\nand a long traceback")
    assert str(failure.value) == f"stopped at 'brew [tea]': the kettle is cold. Log: {log}. Boil water."


def test_a_step_prints_one_line_with_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each step is one line with minutes and seconds since the beginning of make."""
    monkeypatch.setenv("LIFECYCLE_STARTED_AT", "0")
    output = io.StringIO()
    steps = Steps(Console(file=output, width=100))
    with steps.step("brew [tea]", Path("log")):
        steps.note("3 cups")
    first, second = output.getvalue().splitlines()
    assert first.endswith("] brew [tea]")
    assert first.startswith("[")
    assert second.strip() == "3 cups"


@pytest.mark.parametrize("command", ["down", "status"])
def test_there_is_nothing_to_stop_before_a_demo(tmp_path: Path, command: str) -> None:
    """Without a demo folder both commands say so, exit 0, and make no folder."""
    done = subprocess.run(
        [sys.executable, "-m", "local_stack", command],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "include"), "DEMO_DIR": str(tmp_path / "none")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "nothing runs" in done.stdout
    assert not (tmp_path / "none").exists()
