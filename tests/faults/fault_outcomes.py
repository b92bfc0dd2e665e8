"""What became of each test of the suite: its rows and facts, and what is missing. Writes the kept report."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from fault_report import table

HERE = Path(__file__).resolve().parent
TOLD_BY = {"report": "fault_row", "event_fact": "fault_fact"}
"""The fixtures through which a test reports its numbers, and the property that carries them."""
EXPECTED = "fault_expected"
NARROWING = ("keyword", "deselect", "lf", "ignore", "ignore_glob")


@dataclass
class Outcome:
    """One test: its outcome, and which of the expected properties it did not report."""

    title: str
    result: str = "not run"
    seconds: float = 0.0
    untold: set[str] = field(default_factory=set)
    is_scenario: bool = False

    @property
    def wrong(self) -> str | None:
        """Why the report is not whole without this test, or None."""
        if self.result == "passed" and not self.untold:
            return None
        return self.result + (" before it reported" if self.untold else "")


class Outcomes:
    """Collects in the process that prints, wherever the tests ran."""

    def __init__(self, path: Path | None, is_whole_asked: bool) -> None:
        self.path = path
        self.is_whole_asked = is_whole_asked
        self.tests: dict[str, Outcome] = {}
        self.rows: list[dict[str, Any]] = []
        self.facts: list[dict[str, Any]] = []

    def expect(self, ids: list[str]) -> None:
        """Note tests that are to run; those of other folders are no concern of this report."""
        for one in ids:
            if f"/{HERE.name}/" in f"/{one}":
                self.tests.setdefault(one, Outcome(title(one)))

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.expect([item.nodeid for item in session.items])

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: object, ids: list[str]) -> None:
        self.expect(ids)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        outcome = self.tests.get(report.nodeid)
        if outcome is None:
            return
        outcome.seconds += report.duration
        if report.when == "call" or report.outcome != "passed":
            outcome.result = report.outcome
            if report.when != "teardown":  # it would be heard twice
                self._hear(outcome, report.user_properties)

    def _hear(self, outcome: Outcome, properties: list[tuple[str, object]]) -> None:
        told = {name for name, _ in properties}
        expected = {str(value) for name, value in properties if name == EXPECTED}
        outcome.is_scenario, outcome.untold = bool(expected), expected - told
        for name, value in properties:
            if name in TOLD_BY.values():
                (self.rows if name == "fault_row" else self.facts).append(json.loads(str(value)))

    def is_whole(self) -> bool:
        """Whether every test of the suite was asked for and came to an end, good or bad."""
        return self.is_whole_asked and all(one.result != "not run" for one in self.tests.values())

    def wrong(self) -> dict[str, str]:
        """What failed or is missing, by title."""
        return {one.title: one.wrong for one in self.tests.values() if one.wrong}

    def others(self) -> list[dict[str, Any]]:
        """The tests that judge by assertions of their own: those through Airflow first of all."""
        found = [one for one in self.tests.values() if not one.is_scenario and one.result != "not run"]
        return [
            {"test": one.title, "result": one.result, "seconds": round(one.seconds, 1)}
            for one in sorted(found, key=lambda one: one.title)
        ]

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if not self.tests:
            return
        text = table(self.rows, self.facts, self.others(), self.wrong())
        terminalreporter.write_line("")
        terminalreporter.write_line(text)
        if self.path and not self.is_whole():
            terminalreporter.write_line(f"{self.path} was left as it is: not the whole suite ran")
        elif self.path:
            self.write(text)

    def write(self, text: str) -> None:
        """Write the report next to its numbers."""
        assert self.path is not None
        self.path.with_suffix(".md").write_text(text)
        content = {
            "scenarios": sorted(self.rows, key=lambda row: str(row["scenario"])),
            "events": self.facts,
            "others": self.others(),
            "failed_or_missing": self.wrong(),
        }
        self.path.with_suffix(".json").write_text(json.dumps(content, indent=2) + "\n")


def title(nodeid: str) -> str:
    """A test's file and name in words."""
    file, _, name = nodeid.partition("::")
    return f"{Path(file).stem.removeprefix('test_')}: {name.removeprefix('test_')}".replace("_", " ")


def asks_for_all(config: pytest.Config) -> bool:
    """Whether the command names this folder, as `make faults` does, and nothing that leaves tests of it out."""
    named = {(config.invocation_params.dir / one).resolve() for one in config.args}
    narrowed = any(config.getoption(name, default=None) for name in NARROWING)
    return HERE in named and config.getoption("markexpr") == "faults" and not narrowed


def expect_to_tell(items: list[pytest.Item]) -> None:
    """Write on each test what it has to report, so that a test that fails before that is missed."""
    for item in items:
        for fixture, told in TOLD_BY.items():
            if fixture in getattr(item, "fixturenames", ()):
                item.user_properties.append((EXPECTED, told))
