"""Fixtures of the crash and fault suite: a durable server, a stage set on it, and the report."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy.engine import Engine

from durable_server import DurableServer
from fault_outcomes import Outcomes, asks_for_all, expect_to_tell
from fault_report import Row
from fault_stage import SETTLE_AFTER_HOURS, Stage, stage_on
from lifecycle_mail.database import engine


@pytest.fixture(scope="session")
def durable_server() -> Iterator[DurableServer]:
    """One server per test process. Its folder is open to all users, because tests run by root start the server as
    another user."""
    with tempfile.TemporaryDirectory(prefix="lifecycle-faults-") as folder:
        Path(folder).chmod(0o755)
        server = DurableServer(Path(folder))
        yield server
        server.close()


@pytest.fixture
def staged(durable_server: DurableServer, tmp_path: Path) -> Iterator[Callable[..., Stage]]:
    """Set the stage: call with recipients, policy and further options of the simulator, the kind of topic and
    its settle_after_hours."""
    with ExitStack() as stack:

        def make(
            recipients: int = 10_000, policy: str = "abandon", *options: str, kind: str = "capped",
            settle_after_hours: float = SETTLE_AFTER_HOURS,
        ) -> Stage:  # fmt: skip
            url = durable_server.clone(recipients, kind)
            stack.callback(durable_server.drop, url)
            own: Engine = engine(url)
            stack.callback(own.dispose)
            return stack.enter_context(
                stage_on(
                    own, tmp_path, recipients, policy, *options, kind=kind, settle_after_hours=settle_after_hours
                )
            )

        yield make


@pytest.fixture
def report(record_property: Callable[[str, object], None]) -> Callable[[Row], None]:
    """Put a scenario's row into the report, and fail if a number is wrong."""

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
    parser.addoption("--fault-report", help="Write a whole run's report to PATH.json and PATH.md.", metavar="PATH")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    expect_to_tell(items)


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        path = config.getoption("--fault-report", default=None)
        config.pluginmanager.register(Outcomes(Path(path) if path else None, asks_for_all(config)))
