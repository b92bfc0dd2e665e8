"""The scheduler's listener: a run for the future fails when it starts; test_scheduler_run.py sees it happen."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace
from typing import Any

import pytest

from lifecycle_airflow import run_listener
from lifecycle_airflow.dag_defaults import TAG

TEN = dt.datetime(2026, 11, 21, 10, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)
LINE = (
    "this run's logical date 2027-11-21 10:00:00 UTC is in the future (it is 2026-11-21 10:00:00 UTC, and 5 minutes of "
    "difference between clocks are allowed): nothing was done; trigger it with one that has passed, or with the param "
    "as_of"
)


class _Run:
    """What the listener touches of Airflow's run."""

    def __init__(self, logical_date: dt.datetime | None, *tags: str, note: str | None = None) -> None:
        self.dag_id, self.run_id = "campaign__win_back", "manual__1"
        self.dag = SimpleNamespace(tags=set(tags))
        self.logical_date = logical_date
        self.state, self.note = "running", note
        self.told: list[str] = []

    def notify_dagrun_state_changed(self, msg: str) -> None:
        self.told.append(msg)


@pytest.fixture(autouse=True)
def _ten_o_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_listener, "now", lambda: TEN)
    monkeypatch.setattr(run_listener, "_queued_for_the_future", lambda run: [])


def test_a_logical_date_of_next_year_fails_with_a_note() -> None:
    """The run is failed, its note says why and what to do, and other listeners hear of the failure."""
    run = _Run(TEN.replace(year=2027), TAG, note="asked for by the shop")
    run_listener.on_dag_run_running(run)
    assert (run.state, run.note, run.told) == ("failed", f"{LINE}\nasked for by the shop", [LINE])


@pytest.mark.parametrize(
    ("logical_date", "state"),
    [(None, "running"), (TEN - MINUTE, "running"), (TEN + 4 * MINUTE, "running"), (TEN + 6 * MINUTE, "failed")],
)
def test_five_minutes_of_difference_are_allowed(logical_date: dt.datetime | None, state: str) -> None:
    """A run without a logical date, of the past, or of four minutes ahead goes on; six minutes are the future."""
    run = _Run(logical_date, TAG)
    run_listener.on_dag_run_running(run)
    assert run.state == state


def test_other_teams_dags_are_left_alone() -> None:
    """A DAG without this product's tag may run in the future; this product does not judge it."""
    run: Any = _Run(TEN.replace(year=2027), "finance")
    run_listener.on_dag_run_running(run)
    assert (run.state, run.note, run.told) == ("running", None, [])


def test_what_a_task_refused_is_the_note_of_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who filled in a form sees at the run what was wrong, before a note of their own; other DAGs are left alone."""
    monkeypatch.setattr(run_listener, "_refused", lambda run: ["all, line 1: did you mean 'country'?"])
    ours, other, long = _Run(None, TAG, note="for spring"), _Run(None, note="theirs"), _Run(None, TAG, note="x" * 999)
    for run in (ours, other, long):
        run_listener.on_dag_run_failed(run)
    assert ours.note == "all, line 1: did you mean 'country'?\nfor spring"
    assert other.note == "theirs"
    assert len(long.note or "") == 1000
