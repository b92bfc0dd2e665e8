"""How benchmark figures are judged: their limit, the ratio to their peer, and the ratio that was kept."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

BENCH = Path(__file__).resolve().parents[2] / "bench"


@pytest.fixture(scope="module", name="bench")
def bench_modules() -> dict[str, ModuleType]:
    """bench/measuring.py and bench/run.py, loaded from their files: the folder is no package."""
    found = {}
    for name in ("measuring", "run"):
        spec = importlib.util.spec_from_file_location(f"bench_{name}", BENCH / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        found[name] = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = found[name]
        spec.loader.exec_module(found[name])
    return found


def figure(bench: dict[str, ModuleType], **changes: Any) -> Any:
    given = {"name": "rate", "what": "mails", "value": 20.0, "unit": "mails/s", "better": "higher", "limit": 15.0,
             "peer": "the usual way", "peer_value": 2.0}  # fmt: skip
    return bench["measuring"].Figure(**{**given, **changes})


def results(*figures: Any) -> dict[str, Any]:
    return {"delivery": {"measured_on": "2026-11-24", "figures": [one.as_json() for one in figures]}}


@pytest.mark.parametrize(
    ("changes", "reached"),
    [
        ({}, True),
        ({"value": 14.9}, False),
        ({"value": 15.0}, True),
        ({"better": "lower"}, False),
        ({"better": "lower", "value": 15.0}, True),
        ({"limit": None, "value": 0.1}, True),
        ({"ratio_limit": 10.0}, True),
        ({"ratio_limit": 10.1}, False),
        ({"ratio_limit": 1.0, "peer_value": None}, False),
    ],
)
def test_a_limit_is_kept_on_its_own_side(bench: dict[str, ModuleType], changes: dict[str, Any], reached: bool) -> None:
    """Rates must reach their limit, durations must not pass it, and a ratio that is asked for must be there."""
    assert figure(bench, **changes).reached is reached


def test_a_ratio_above_one_is_better_than_the_peer(bench: dict[str, ModuleType]) -> None:
    """For rates and for durations alike."""
    assert figure(bench).ratio == 10.0
    assert figure(bench, better="lower", value=2.0, peer_value=6.0).ratio == 3.0


def test_a_fall_of_more_than_a_fifth_is_a_problem(bench: dict[str, ModuleType]) -> None:
    """The ratio is compared, not the value: a slower machine is slower on both sides."""
    kept = results(figure(bench))
    slower = results(figure(bench, value=16.0, peer_value=1.6))
    worse = results(figure(bench, value=15.9))
    assert bench["run"]._problems(kept, slower) == []
    assert bench["run"]._problems(kept, worse) == ["rate: the ratio to its peer fell from 10.00 to 7.95"]


def test_a_missed_limit_is_a_problem_and_says_by_how_much(bench: dict[str, ModuleType]) -> None:
    """The sentence names figure, value and limit."""
    missed = results(figure(bench, value=12.0, peer_value=1.2))
    assert bench["run"]._problems({}, missed) == ["rate: 12.0 mails/s misses its limit ≥ 15 mails/s"]


def test_the_table_has_a_row_for_each_figure(bench: dict[str, ModuleType]) -> None:
    """With limit, value, peer, ratio and what bounds it; a missed one says so."""
    figures = (figure(bench, bound_by="the cores"), figure(bench, name="slow", value=1.0, details={"mails": 7}))
    document = {"machine": "2 cores", "command": "make bench", "benchmarks": results(*figures)}
    table = bench["run"]._table(document)
    assert "| mails | ≥ 15 mails/s | 20 mails/s | the usual way | 2 | 10.00 | the cores |" in table
    assert "| 1 mails/s (missed) |" in table
    assert "* slow: mails 7" in table
