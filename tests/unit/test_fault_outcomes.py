"""The report of `make faults`: what is missing or wrong is in it, and only a whole run replaces the kept one."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import fault_outcomes
from fault_outcomes import EXPECTED, Outcomes, asks_for_all
from fault_report import Row, table

KILLS, SLOW = "tests/faults/test_worker_kills.py::test_killed[2]", "tests/faults/test_provider.py::test_slow"
AIRFLOW = "tests/faults/test_airflow_repeats.py::test_a_killed_task_is_retried"
ROW = Row("kills", recipients=10, planned=10, workers=2, kills={"before claim": 3}).as_json()
UNTOLD: list[tuple[str, object]] = [(EXPECTED, "fault_row")]
TOLD = [*UNTOLD, ("fault_row", json.dumps(ROW))]


def ended(one: str, properties: list[tuple[str, object]], outcome: str = "passed", when: str = "call") -> Any:
    return SimpleNamespace(nodeid=one, when=when, outcome=outcome, duration=1.25, user_properties=properties)


def outcomes(*reports: Any, path: Path | None = None, is_whole_asked: bool = True) -> Outcomes:
    """The outcomes of a session in which three fault tests were to run and `reports` came."""
    found = Outcomes(path, is_whole_asked)
    found.expect([KILLS, SLOW, AIRFLOW, "tests/unit/test_another.py::test_of_no_concern"])
    for report in reports:
        found.pytest_runtest_logreport(report)
    return found


def printed(found: Outcomes) -> str:
    lines: list[str] = []
    found.pytest_terminal_summary(SimpleNamespace(write_line=lines.append))
    return "\n".join(lines)


GOOD = (ended(KILLS, TOLD), ended(SLOW, TOLD), ended(AIRFLOW, []))


def test_a_whole_run_is_kept_with_its_airflow_tests(tmp_path: Path) -> None:
    """Every test ended well: both files are written, and name the tests through Airflow."""
    found = outcomes(*GOOD, path=tmp_path / "faults.json")
    text = printed(found)
    kept = json.loads((tmp_path / "faults.json").read_text())
    assert (len(kept["scenarios"]), kept["failed_or_missing"]) == (2, {})
    assert kept["others"] == [
        {"test": "airflow repeats: a killed task is retried", "result": "passed", "seconds": 1.2}
    ]
    assert "| airflow repeats: a killed task is retried | passed | 1 |" in (tmp_path / "faults.md").read_text()
    assert "Failed or missing" not in text


@pytest.mark.parametrize(
    ("reports", "said"),
    [
        ((ended(KILLS, UNTOLD, "failed"), *GOOD[1:]), "- worker kills: killed[2]: failed before it reported"),
        ((ended(KILLS, UNTOLD, "failed", "setup"), *GOOD[1:]), "- worker kills: killed[2]: failed before it reported"),
        ((ended(KILLS, TOLD, "failed"), *GOOD[1:]), "- worker kills: killed[2]: failed"),
        ((ended(KILLS, UNTOLD), *GOOD[1:]), "- worker kills: killed[2]: passed before it reported"),
        ((*GOOD[:2], ended(AIRFLOW, [], "failed")), "- airflow repeats: a killed task is retried: failed"),
        ((*GOOD, ended(KILLS, TOLD, "failed", "teardown")), "- worker kills: killed[2]: failed"),
        (GOOD[1:], "- worker kills: killed[2]: not run"),
    ],
)
def test_what_failed_or_is_missing_is_visible(reports: tuple[Any, ...], said: str) -> None:
    """A scenario without its row, however it came to that, is named."""
    assert said in printed(outcomes(*reports)).splitlines()


@pytest.mark.parametrize(("reports", "is_whole_asked"), [(GOOD, False), (GOOD[1:], True)])
def test_a_part_of_the_suite_leaves_the_kept_report(
    tmp_path: Path, reports: tuple[Any, ...], is_whole_asked: bool
) -> None:
    """The run covered only a part, or ended early: the kept figures stay."""
    text = printed(outcomes(*reports, path=tmp_path / "faults.json", is_whole_asked=is_whole_asked))
    assert "was left as it is: not the whole suite ran" in text
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("args", "options", "is_whole"),
    [
        (["tests/faults"], {}, True),
        (["tests/faults/test_worker_kills.py"], {}, False),
        (["tests/faults"], {"keyword": "kill"}, False),
        (["tests/faults"], {"deselect": ["x"]}, False),
        (["tests/faults"], {"lf": True}, False),
        (["tests/faults"], {"markexpr": "not faults"}, False),
    ],
)
def test_whether_all_is_asked_for(args: list[str], options: dict[str, object], is_whole: bool) -> None:
    """The folder with its mark and nothing that leaves tests out."""
    given = {"markexpr": "faults", **options}
    repository = Path(fault_outcomes.__file__).parents[2]
    config = SimpleNamespace(
        args=args,
        invocation_params=SimpleNamespace(dir=repository),
        getoption=lambda name, default=None: given.get(name, default),
    )
    assert asks_for_all(config) is is_whole  # type: ignore[arg-type]


def test_the_problems_of_each_scenario_are_printed() -> None:
    """What is wrong with the numbers is printed after them; cancelled mails have a column."""
    text = table([{**ROW, "cancelled": 4, "problems": ["4 mails cancelled, 0 declared"]}], [], [], {})
    assert "- kills: 4 mails cancelled, 0 declared" in text
    head, _, line = text[text.index("| scenario |") :].splitlines()[:3]
    assert dict(zip(head.split(" | "), line.split(" | "), strict=True))["cancelled"] == "4"
    assert "Problems: 1." in text
