"""How benchmark figures are judged: their limit, the ratio to their peer, and the ratio that was kept."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

BENCH = Path(__file__).resolve().parents[2] / "bench"
MODULES = ("measuring", "scale", "run")


@pytest.fixture(scope="module", name="bench")
def bench_modules() -> Iterator[dict[str, ModuleType]]:
    """bench/measuring.py and bench/run.py: the folder is no package, its scripts import one another by name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCH))
        yield {name: importlib.import_module(name) for name in MODULES}
    for name in MODULES:
        del sys.modules[name]


def figure(bench: dict[str, ModuleType], **changes: Any) -> Any:
    given = {"name": "rate", "what": "mails", "value": 20.0, "unit": "mails/s", "better": "higher", "limit": 15.0,
             "peer": "the usual way", "peer_value": 2.0}  # fmt: skip
    return bench["measuring"].Figure(**{**given, **changes})


def results(*figures: Any) -> dict[str, Any]:
    return {"delivery": {"measured_at": "2026-11-24 10:00", "figures": [one.as_json() for one in figures]}}


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


def kept(bench: dict[str, ModuleType], *measured: Any, accept: str | None = None) -> dict[str, Any]:
    """What is kept after these runs, one after the other; only the last one may be accepted."""
    document: dict[str, Any] = {}
    for number, one in enumerate(measured, start=1):
        document = bench["run"]._with(document, results(one), accept if number == len(measured) else None)
    return document


def test_a_fall_of_more_than_a_fifth_is_a_problem(bench: dict[str, ModuleType]) -> None:
    """The ratio is compared, not the value: a slower machine is slower on both sides."""
    references = kept(bench, figure(bench))["references"]
    slower = results(figure(bench, value=16.0, peer_value=1.6))
    worse = results(figure(bench, value=15.9))
    assert bench["run"]._problems(references, slower) == []
    assert bench["run"]._problems(references, worse) == ["rate: the ratio to its peer fell from 10.00 to 7.95"]


def test_neither_a_second_try_nor_many_small_falls_pass(bench: dict[str, ModuleType]) -> None:
    """A run is kept as it was, and moves no reference: the next one is judged by the same."""
    worse = figure(bench, value=15.9)
    document = kept(bench, figure(bench), figure(bench, value=18.0), worse)
    assert [run["value"] for run in document["runs"]["rate"]] == [20.0, 18.0, 15.9]
    assert bench["run"]._problems(document["references"], results(worse)) != []


def test_a_reference_is_moved_by_a_word_that_is_kept(bench: dict[str, ModuleType]) -> None:
    """A run that accepts a slower ratio as the new reference says why."""
    worse = figure(bench, value=15.9)
    document = kept(bench, figure(bench), worse, accept="the peer caches its connection now")
    assert document["references"] == {
        "rate": {"ratio": 7.95, "at": "2026-11-24 10:00", "why": "the peer caches its connection now"}
    }
    assert bench["run"]._problems(document["references"], results(worse)) == []


@pytest.mark.parametrize(
    ("arguments", "status"), [([], 1), (["--accept", "it does more now"], 0), (["--scale", "0.5"], 0)]
)
def test_the_exit_status_tells_of_a_fall(
    bench: dict[str, ModuleType], folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch, arguments: list[str],
    status: int,
) -> None:  # fmt: skip
    """Also the second time; ratios of a smaller run are not compared with those of a whole one, and not kept."""
    run = bench["run"]
    run._keep(kept(bench, figure(bench)), folders["accepted"])
    before = (folders["accepted"] / "results.json").read_text()
    monkeypatch.setattr(run, "_measure", lambda *_: results(figure(bench, value=15.9))["delivery"])
    monkeypatch.setattr(sys, "argv", ["run.py", "--only", "delivery", *arguments])
    assert [run.main(), run.main()] == [status, status]
    assert (folders["runs"] / "results.json").exists() is ("--scale" not in arguments)
    assert ((folders["accepted"] / "results.json").read_text() == before) is ("--accept" not in arguments)


@pytest.fixture(name="folders")
def folders_of_results(
    bench: dict[str, ModuleType], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> dict[str, Path]:
    """The folder of the accepted results and that of runs, both empty; docs/scale.md is not written."""
    monkeypatch.setattr(bench["run"], "ACCEPTED", tmp_path)
    monkeypatch.setattr(bench["run"], "RUNS", tmp_path / "runs")
    monkeypatch.setattr(bench["run"].scale, "write", lambda _: (tmp_path / "scale.md").write_text("written"))
    return {"accepted": tmp_path, "runs": tmp_path / "runs"}


def ran(bench: dict[str, ModuleType], monkeypatch: pytest.MonkeyPatch, value: float, *arguments: str) -> int:
    """Return the exit status of a run in which the figure had this value and the peer 2.0."""
    monkeypatch.setattr(bench["run"], "_measure", lambda *_: results(figure(bench, value=value))["delivery"])
    monkeypatch.setattr(sys, "argv", ["run.py", "--only", "delivery", *arguments])
    return int(bench["run"].main())


def test_a_run_is_kept_apart_from_what_is_accepted(
    bench: dict[str, ModuleType], folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run writes below runs/ alone. With --accept its figures, and the runs before it, are accepted."""
    assert [ran(bench, monkeypatch, value) for value in (20.0, 18.0)] == [0, 0]
    assert sorted(file.name for file in folders["accepted"].iterdir()) == ["runs"]
    assert sorted(file.name for file in folders["runs"].iterdir()) == ["RESULTS.md", "results.json"]
    assert ran(bench, monkeypatch, 19.0, "--accept", "a steady hour") == 0
    accepted = json.loads((folders["accepted"] / "results.json").read_text())
    assert [run["value"] for run in accepted["runs"]["rate"]] == [20.0, 18.0, 19.0]
    assert accepted["references"]["rate"] == {"ratio": 9.5, "at": "2026-11-24 10:00", "why": "a steady hour"}
    assert (folders["accepted"] / "RESULTS.md").exists()
    assert (folders["accepted"] / "scale.md").read_text() == "written"


def test_an_accepted_reference_counts_more_than_what_the_machine_measured_first(
    bench: dict[str, ModuleType], folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run is judged by its machine's first ratio only while none is accepted."""
    assert ran(bench, monkeypatch, 20.0) == 0
    assert ran(bench, monkeypatch, 15.9) == 1
    bench["run"]._keep(kept(bench, figure(bench, value=18.0)), folders["accepted"])
    assert ran(bench, monkeypatch, 15.9) == 0


def test_a_missed_limit_is_a_problem_and_says_by_how_much(bench: dict[str, ModuleType]) -> None:
    """The sentence names figure, value and limit."""
    missed = results(figure(bench, value=12.0, peer_value=1.2))
    assert bench["run"]._problems({}, missed) == ["rate: 12.0 mails/s misses its limit ≥ 15 mails/s"]


def test_the_table_has_a_row_for_each_figure(bench: dict[str, ModuleType]) -> None:
    """With limit, value, peer, ratio and what bounds it; a missed one says so."""
    figures = (figure(bench, bound_by="the cores"), figure(bench, name="slow", value=1.0, details={"mails": 7}))
    document = bench["run"]._with({}, results(*figures), None)
    table = bench["run"]._table(document)
    assert "| mails | ≥ 15 mails/s | 20 mails/s | the usual way | 2 | 10.00 | the cores |" in table
    assert "| 1 mails/s (missed) |" in table
    assert "* slow: mails 7" in table
    assert "| slow | 0.50 (2026-11-24 10:00: first measured) | 1 (0.50) missed |" in table


def test_docs_scale_says_what_follows_from_the_kept_results(bench: dict[str, ModuleType]) -> None:
    """Each of its numbers that a run changes stands in a part that is written from results.json, and is up to date."""
    scale = bench["scale"]
    text = scale.PAGE.read_text()
    assert scale.page(text, json.loads((BENCH / "results.json").read_text())) == text
    assert {name for _, name, _ in scale.PARTS.findall(text)} == {
        "measured", "bytes", "needs", "processors", "disk", "cost", "delivery",
    }  # fmt: skip


def test_disk_and_hours_are_reckoned_from_bytes_and_rates(bench: dict[str, ModuleType]) -> None:
    """A third of a billion mails of 3,000 bytes and a billion events of 600 are 1,600 GB per month, without
    decisions."""
    details = {
        "message.message_bytes": 3_000, "decision.decision_bytes": 0, "event.event_bytes_an_event": 500,
        "event.engagement_bytes_an_event": 100, "mails_a_second": 10_000, "activity_seconds": 1.0,
        "refreshes_together_seconds": 2.0,
    }  # fmt: skip
    names = (
        "delivery_mails_a_second", "events_per_second", "planning_1m_seconds", "segments_hour_seconds",
        "roll_up_seconds",
    )  # fmt: skip
    given = results(*[figure(bench, name=name, value=10_000.0, details=details) for name in names])
    found = bench["scale"].Measured({"benchmarks": given})
    disk = bench["scale"]._disk(found)
    assert "| raw events: 500 an event | 500 GB | 3 months and the present one | 2.0 TB | 2.0 TB |" in disk
    assert "| 1,100 GB | for ever | 13.2 TB | 26.4 TB |" in disk
    assert "| all of it | 1,600 GB |  | **15.2 TB** | **28.4 TB** |" in disk
    hours = bench["scale"]._processors(found)
    assert "| refreshing four segments, every hour | 1.3 h | 5.6% |" in hours
    assert "| delivering 30 million | 0.8 h | 3.5% |" in hours
