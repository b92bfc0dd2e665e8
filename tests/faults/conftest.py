"""Fixtures of the crash and fault suite: a durable server, a stage set on it, and the report."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import Engine

from durable_server import DurableServer
from fault_report import Row, table
from fault_stage import Stage, stage_on
from lifecycle_mail.database import engine


@pytest.fixture(scope="session")
def durable_server() -> Iterator[DurableServer]:
    """One server a test process; its folder lies where the user a root test runs it as may look."""
    with tempfile.TemporaryDirectory(prefix="lifecycle-faults-") as folder:
        Path(folder).chmod(0o755)
        server = DurableServer(Path(folder))
        yield server
        server.close()


@pytest.fixture
def staged(durable_server: DurableServer, tmp_path: Path) -> Iterator[Callable[..., Stage]]:
    """Set the stage: call with recipients, policy and further options of the simulator, and the kind of topic."""
    with ExitStack() as stack:

        def make(recipients: int = 10_000, policy: str = "abandon", *options: str, kind: str = "capped") -> Stage:
            url = durable_server.clone(recipients, kind)
            stack.callback(durable_server.drop, url)
            own: Engine = engine(url)
            stack.callback(own.dispose)
            return stack.enter_context(stage_on(own, tmp_path, recipients, policy, *options, kind=kind))

        yield make


@pytest.fixture
def report(record_property: Callable[[str, object], None]) -> Callable[[Row], None]:
    """Put a scenario's row into the report, and fail where a number is off."""

    def add(row: Row) -> None:
        record_property("fault_row", json.dumps(row.as_json()))
        if not row.must_fail:
            assert row.problems == []

    return add


@pytest.fixture
def event_fact(record_property: Callable[[str, object], None]) -> Callable[..., None]:
    """Put what was shown of events into the report."""

    def add(what: str, **numbers: int) -> None:
        record_property("fault_fact", json.dumps({"what": what, "numbers": numbers}))

    return add


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--fault-report", help="Write the report to PATH.json and PATH.md.", metavar="PATH")


class _Report:
    """Collects the rows in the process that prints, wherever the tests ran."""

    def __init__(self, path: str | None) -> None:
        self.path = path
        self.rows: list[dict[str, Any]] = []
        self.facts: list[dict[str, Any]] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call":
            for name, value in report.user_properties:
                if name in ("fault_row", "fault_fact"):
                    (self.rows if name == "fault_row" else self.facts).append(json.loads(str(value)))

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if not self.rows:
            return
        text = table(self.rows, self.facts)
        terminalreporter.write_line("")
        terminalreporter.write_line(text)
        if self.path:
            Path(self.path).with_suffix(".md").write_text(text)
            content = {"scenarios": sorted(self.rows, key=lambda row: str(row["scenario"])), "events": self.facts}
            Path(self.path).with_suffix(".json").write_text(json.dumps(content, indent=2) + "\n")


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Report(config.getoption("--fault-report", default=None)))
