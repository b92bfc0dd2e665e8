"""The order in which `make test` runs, and what it prints about its time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import suite_budget
from suite_budget import Durations, ordered, with_long

REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Item:
    """What the order looks at of a test."""

    nodeid: str
    line: int = 0
    story: bool = False

    @property
    def location(self) -> tuple[str, int, str]:
        return self.nodeid, self.line, ""

    def get_closest_marker(self, name: str) -> bool:
        return self.story and name == "story"


def names(items: list[Any]) -> list[str]:
    return [item.nodeid for item in items]


@pytest.fixture
def _three_slow_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suite_budget, "SLOW_FILES", {"slow.py": 60, "slower.py": 70, "least.py": 5})


@pytest.mark.usefixtures("_three_slow_files")
def test_each_half_begins_with_its_slow_files() -> None:
    """Nothing is lost, a file stays together, and the slowest are dealt out before the quick ones."""
    shuffled = [
        "a.py::1", "slow.py::1", "slow.py::2", "b.py::1", "b.py::2", "least.py::1", "slower.py::1", "c.py::1",
        "c.py::2", "c.py::3",
    ]  # fmt: skip
    found = names(ordered([Item(one) for one in shuffled], 2))  # type: ignore[arg-type]
    assert found == [
        "slower.py::1", "a.py::1", "b.py::1", "b.py::2", "c.py::1",
        "slow.py::1", "slow.py::2", "least.py::1", "c.py::2", "c.py::3",
    ]  # fmt: skip


@pytest.mark.usefixtures("_three_slow_files")
@pytest.mark.parametrize("workers", [1, 2, 3, 7])
def test_no_test_is_lost_whatever_the_workers(workers: int) -> None:
    """This also holds if the slow files are more than a worker's share, or if there are more workers than files."""
    items = [Item(f"{file}.py::{number}") for file in ("slow", "x", "slower", "least") for number in range(4)]
    assert sorted(names(ordered(items, workers))) == sorted(names(items))  # type: ignore[arg-type, arg-type]


def test_a_story_is_told_in_its_order() -> None:
    """However it was shuffled, it runs as it is written; other files stay shuffled."""
    items = [Item("a.py::2", 9), Item("s.py::3", 30, True), Item("s.py::1", 10, True), Item("a.py::1", 4)]
    assert names(ordered(items, 1)) == ["a.py::2", "a.py::1", "s.py::1", "s.py::3"]  # type: ignore[arg-type]


def told(is_budgeted: bool, **seconds: float) -> Durations:
    durations = Durations(is_budgeted)
    for name, spent in seconds.items():
        for phase in (spent / 4, spent * 3 / 4):
            durations.pytest_runtest_logreport(SimpleNamespace(nodeid=f"{name}.py::{name}", duration=phase))  # type: ignore[arg-type]
    return durations


def test_what_is_over_its_budget_is_named() -> None:
    """A test of more than a minute with its set-up is named, and a run of more than nine minutes, but only in `make
    test`."""
    complaints = told(True, long=61.0, short=59.0).complaints(541.0)
    assert [line.partition(";")[0] for line in complaints] == [
        "OVER BUDGET: long.py::long took 61 s of 60",
        "OVER BUDGET: the whole run took 541 s of 540",
    ]
    assert told(True, short=59.0).complaints(539.0) == []
    assert told(False, long=61.0).complaints(541.0) == []


def test_the_slowest_files_are_told_first() -> None:
    """By the sum of their tests, and with the sum of all."""
    lines = told(False, a=2.0, b=30.0).slowest()
    assert lines[:2] == ["  30.0 s  b.py", "   2.0 s  a.py"]
    assert lines[2].startswith("  32.0 s  2 tests of 2 files; load ")


def test_the_rest_of_a_short_form_is_marked_long() -> None:
    """The short form stays as it is, and whatever else there is belongs to `make test-long`."""
    first, second, third = with_long([1], [2, (3,)])
    assert first == 1
    assert [param.values for param in (second, third)] == [(2,), (3,)]
    assert {mark.name for param in (second, third) for mark in param.marks} == {"long"}


def test_the_table_of_slow_files_is_the_one_that_orders_them() -> None:
    """CONTRIBUTING.md names the same files with the same seconds, and each file exists."""
    page = (REPOSITORY / "CONTRIBUTING.md").read_text()
    table = re.findall(r"^\| `(tests/\S+\.py)` \| (\d+) s \|", page, re.MULTILINE)
    assert {name: int(seconds) for name, seconds in table} == suite_budget.SLOW_FILES
    assert [name for name in suite_budget.SLOW_FILES if not (REPOSITORY / name).is_file()] == []


def test_every_file_with_a_full_form_is_in_the_table() -> None:
    """A file that marks tests as long is in the table too; else a reader does not find what its short form stands
    for."""
    marked = {
        str(file.relative_to(REPOSITORY))
        for file in (REPOSITORY / "tests").rglob("test_*.py")
        if "with_long(" in file.read_text() and file != Path(__file__)
    }
    page = (REPOSITORY / "CONTRIBUTING.md").read_text()
    assert {name for name in marked if f"`{name}`" not in page} == set()
