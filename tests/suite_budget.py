"""The budget of `make test`: which files are slow, in which order all of it runs, and what is printed at its end.

With `--dist worksteal` each worker begins with a half of the tests, and a worker that is done takes tests from the end
of the other's half. A slow test at the end of a half therefore makes the whole run longer by as much; at the beginning
it costs nothing.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import pytest

SUITE_SECONDS = 540
"""Of the clock, for `make test` on two quiet cores."""
TEST_SECONDS = 60
"""Of one test with its set-up and teardown; a longer test needs a short form."""
TOLD_FROM_SECONDS = 60
"""A run whose tests took less together is only a few tests, so no table is printed."""
FILES_TOLD = 10

SLOW_FILES = {
    "tests/dags/test_scheduler_run.py": 90,
    "tests/dags/test_dag_runs.py": 55,
    "tests/integration/test_benchmarks.py": 45,
    "tests/integration/test_suppression_sync.py": 40,
    "tests/faults/test_short_form.py": 30,
    "tests/integration/test_privacy.py": 16,
    "tests/integration/test_events_ingest.py": 15,
    "tests/integration/test_repository_pages.py": 15,
    "tests/dags/test_parsing.py": 14,
    "tests/integration/test_segments_worlds.py": 12,
    "tests/integration/test_retention.py": 10,
    "tests/properties/moments/test_moments.py": 12,
    "tests/properties/numbers_twice/test_numbers_twice.py": 10,
    "tests/properties/rules/test_rules.py": 10,
    "tests/integration/test_sources_crash.py": 6,
}
"""Seconds on a quiet core, of `make test` alone. CONTRIBUTING.md says what makes them slow."""


def ordered(items: Sequence[pytest.Item], workers: int) -> list[pytest.Item]:
    """Return the same tests with slow files at the beginning of each worker's share, the slowest first.

    Tests of a file stay together, and those of a story (see pyproject.toml) run in the order they are written.
    """
    files: dict[str, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.nodeid.partition("::")[0], []).append(item)
    for name, tests in files.items():
        if tests[0].get_closest_marker("story"):
            files[name] = sorted(tests, key=lambda item: item.location[1] or 0)
    heads = _dealt([name for name in files if name in SLOW_FILES], workers)
    quick = [item for name, tests in files.items() if name not in SLOW_FILES for item in tests]
    result: list[pytest.Item] = []
    for place, names in enumerate(heads):
        share = (len(items) - len(result)) // (workers - place)
        head = [item for name in names for item in files[name]]
        filled = max(0, share - len(head))
        result += [*head, *quick[:filled]]
        del quick[:filled]
    return result + quick


def _dealt(names: Sequence[str], workers: int) -> list[list[str]]:
    """Deal slow files out, each to the worker that has the fewest seconds."""
    hands: list[list[str]] = [[] for _ in range(workers)]
    for name in sorted(names, key=lambda name: (-SLOW_FILES[name], name)):
        min(hands, key=lambda hand: sum(SLOW_FILES[one] for one in hand)).append(name)
    return hands


def with_long(short: Iterable[Any], rest: Iterable[Any]) -> list[Any]:
    """Return values for parametrize: those of the short form, and the rest, which `make test-long` runs."""
    tuples = (one if isinstance(one, tuple) else (one,) for one in rest)
    return [*short, *(pytest.param(*values, marks=pytest.mark.long) for values in tuples)]


class Durations:
    """Adds up in the process that prints, wherever the tests ran, and prints which files took longest.

    It complains and does not fail, because every second is longer on a machine that does other things too.
    `is_budgeted`: whether the run is that of `make test`.
    """

    def __init__(self, is_budgeted: bool) -> None:
        self.is_budgeted = is_budgeted
        self.tests: Counter[str] = Counter()
        self.started = time.monotonic()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.tests[report.nodeid] += report.duration  # type: ignore[assignment]

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if self.tests.total() >= TOLD_FROM_SECONDS:
            terminalreporter.section("where the time went")
            for line in [*self.slowest(), *self.complaints(time.monotonic() - self.started)]:
                terminalreporter.write_line(line)

    def slowest(self) -> list[str]:
        """The files that took longest, and all together, set-ups and teardowns with them."""
        files: Counter[str] = Counter()
        for name, seconds in self.tests.items():
            files[name.partition("::")[0]] += seconds  # type: ignore[assignment]
        load = os.getloadavg()[0] / (os.cpu_count() or 1)
        return [
            *(f"{seconds:6.1f} s  {name}" for name, seconds in files.most_common(FILES_TOLD)),
            f"{self.tests.total():6.1f} s  {len(self.tests)} tests of {len(files)} files; load {load:.1f} a core",
        ]

    def complaints(self, clock_seconds: float) -> list[str]:
        """What is above its budget."""
        if not self.is_budgeted:
            return []
        above = [(name, seconds) for name, seconds in self.tests.most_common() if seconds > TEST_SECONDS]
        if clock_seconds > SUITE_SECONDS:
            above.append(("the whole run", clock_seconds))
        limits = {"the whole run": SUITE_SECONDS}
        return [
            f"OVER BUDGET: {name} took {seconds:.0f} s of {limits.get(name, TEST_SECONDS)};"
            " if the machine was quiet, see CONTRIBUTING.md, The budget of the tests"
            for name, seconds in above
        ]
