"""The gate before planning: which load a run waits for, and when it does not wait."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowRescheduleException, AirflowRuntimeError, AirflowSensorTimeout, ErrorType
from airflow.sdk.execution_time.comms import ErrorResponse
from sqlalchemy.engine import Connection, Engine

from builders import insert
from lifecycle_airflow import freshness, run_window
from lifecycle_airflow.freshness import LONGEST_WAIT, LoadGate, awaited_load, loads_wanted_since
from lifecycle_mail.database import lock
from lifecycle_mail.pipeline import Installation, open_installation
from lifecycle_mail.settings import Settings

NINE, TEN = dt.datetime(2026, 11, 21, 9, tzinfo=dt.UTC), dt.datetime(2026, 11, 21, 10, tzinfo=dt.UTC)
MINUTE, SECOND = dt.timedelta(minutes=1), dt.timedelta(seconds=1)


@pytest.fixture
def system(warehouse: Engine, warehouse_url: str, monkeypatch: pytest.MonkeyPatch) -> Installation:
    """An installation, at two minutes past ten."""
    monkeypatch.setattr(run_window, "now", lambda: TEN + 2 * MINUTE)
    return open_installation(Settings(database_url=warehouse_url))


def _context(load: str = "active", **keys: Any) -> dict[str, Any]:
    """A run for nine to ten; the DAG load_sources is active, paused or unknown."""

    def get_dag(dag_id: str) -> Any:
        assert dag_id == "load_sources"
        if load == "unknown":
            raise AirflowRuntimeError(ErrorResponse(error=ErrorType.API_SERVER_ERROR, detail={"status_code": 404}))
        return SimpleNamespace(is_paused=load == "paused")

    run = {"data_interval_start": NINE, "data_interval_end": TEN, "dag_run": SimpleNamespace(conf={})}
    return {"ti": SimpleNamespace(get_dag=get_dag), "params": {"as_of": None}, **run, **keys}


def _loaded(connection: Connection, began: dt.datetime, done: dt.datetime | None) -> None:
    insert(connection, "source.load", started_at=began, finished_at=done)


@pytest.mark.parametrize(
    ("loads", "is_awaited"),
    [
        ([], True),
        ([(TEN - SECOND, TEN + MINUTE)], True),  # it may have read the files before those of ten came
        ([(TEN, None)], True),  # under way, or killed
        ([(TEN, TEN + MINUTE)], False),
        ([(TEN + MINUTE, TEN + 2 * MINUTE), (TEN - MINUTE, TEN)], False),
        ([(NINE, NINE + MINUTE), (TEN + SECOND, None)], True),
    ],
)
def test_a_period_waits_for_a_load_that_began_after_it(
    system: Installation, warehouse: Engine, loads: list[tuple[dt.datetime, dt.datetime | None]], is_awaited: bool
) -> None:
    """An order of 09:30 is in the files of 10:00: only a load that began at 10:00 or later, and is done, has it."""
    with warehouse.begin() as connection:
        for began, done in loads:
            _loaded(connection, began, done)
    said = awaited_load(_context(), system)
    assert said == ("no load that began at 2026-11-21 10:00 UTC or later is done" if is_awaited else None)


@pytest.mark.parametrize("load", ["paused", "unknown"])
def test_without_a_dag_that_loads_no_run_waits(system: Installation, load: str) -> None:
    """Facts that come in another way (SQL into the warehouse, `load` by hand) hold up no campaign."""
    assert awaited_load(_context(load), system) is None


@pytest.mark.parametrize("given", [{"params": {"as_of": TEN.isoformat()}}, {"partition_key": "2026-11-21T10:00:00"}])
def test_an_instant_waits_only_for_a_load_under_way(
    system: Installation, warehouse: Engine, given: dict[str, Any]
) -> None:
    """A person who names an instant means the facts there are, but not half of them."""
    assert awaited_load(_context(**given), system) is None
    with warehouse.begin() as connection:
        lock(connection, "load")
        assert awaited_load(_context(**given), system) == "a load is under way"
    assert awaited_load(_context(**given), system) is None


@pytest.mark.parametrize(
    "given",
    [
        {"params": {"as_of": "2027-11-21T09:00:00Z"}},
        {"data_interval_start": TEN, "data_interval_end": TEN},
    ],
)
def test_what_the_next_task_refuses_is_not_held_up(system: Installation, given: dict[str, Any]) -> None:
    """A run for the future, or for no period, is red at once instead of after the longest wait."""
    assert awaited_load(_context(**given), system) is None


@pytest.mark.parametrize(
    ("schedule", "end", "since"),
    [
        ("0 * * * *", TEN, TEN),
        ("0 * * * *", TEN + 30 * MINUTE, TEN + 30 * MINUTE),  # the files of eleven hold it
        ("15 * * * *", TEN, TEN),
        ("0 3 * * *", TEN, TEN.replace(hour=3)),  # loads are rare: no hourly campaign waits for tomorrow's
        ("0 3 * * *", TEN.replace(hour=3), TEN.replace(hour=3)),
        ("0 3 * * *", TEN.replace(hour=2), TEN.replace(hour=2)),
    ],
)
def test_rare_loads_hold_up_no_frequent_campaign(schedule: str, end: dt.datetime, since: dt.datetime) -> None:
    """A run waits for the next load if it comes within an hour; otherwise the last one before it has to do."""
    assert loads_wanted_since(end, schedule) == since


class _NeverLoaded:
    """An installation that no load comes to."""

    def is_loaded_since(self, _moment: dt.datetime) -> bool:
        return False


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[LoadGate]:
    """A gate at two minutes past ten, to which no load comes."""
    from contextlib import nullcontext

    monkeypatch.setattr(run_window, "now", lambda: TEN + 2 * MINUTE)
    monkeypatch.setattr(freshness, "installation", lambda: nullcontext(_NeverLoaded()))
    return LoadGate(task_id="wait_for_load")


def _at_the_gate(began: dt.datetime | None) -> dict[str, Any]:
    context = _context()
    context["ti"].get_first_reschedule_date = lambda _context: began
    return context


def test_the_gate_holds_no_worker(gate: LoadGate) -> None:
    """Between two looks the task is off its worker: other DAGs, delivery first of all, go on."""
    began = time.monotonic()
    with pytest.raises(AirflowRescheduleException):
        gate.execute(_at_the_gate(None))
    assert time.monotonic() - began < 5


def test_the_gate_is_red_after_its_limit(gate: LoadGate) -> None:
    """After three hours without a load the run fails, without retries, and says what to do."""
    long_ago = dt.datetime.now(dt.UTC) - LONGEST_WAIT - SECOND
    said = (
        "the facts of this run's period were not loaded within 3 hours: look at the runs of load_sources, or pause it "
        "if the facts are loaded in another way; nothing was planned"
    )
    with pytest.raises(AirflowSensorTimeout) as timeout:
        gate.execute(_at_the_gate(long_ago))
    assert str(timeout.value) == said
