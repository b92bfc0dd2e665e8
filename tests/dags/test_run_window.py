"""run_window: which period a run is for, from plain contexts as Airflow makes them."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace
from typing import Any

import pendulum
import pytest

from lifecycle_airflow.run_window import RunWindowMissing, now, run_window
from lifecycle_mail.errors import FutureRefused


def _utc(*parts: int) -> dt.datetime:
    return dt.datetime(*parts, tzinfo=dt.UTC)  # type: ignore[misc,arg-type]


NINE, TEN = _utc(2026, 11, 21, 9), _utc(2026, 11, 21, 10)


def _context(**keys: Any) -> dict[str, Any]:
    return {"params": {"as_of": None}, "dag_run": SimpleNamespace(conf={}), "partition_key": None, **keys}


def test_a_real_interval_is_the_period() -> None:
    """A scheduled run works as of the end of its interval."""
    window = run_window(_context(data_interval_start=NINE, data_interval_end=TEN))
    assert (window.start, window.end, window.as_of) == (NINE, TEN, TEN)


def test_an_interval_without_width_is_no_period() -> None:
    """A plain cron schedule gives start = end: guessing from it would select nothing, so the run fails."""
    with pytest.raises(RunWindowMissing, match="as_of"):
        run_window(_context(data_interval_start=TEN, data_interval_end=TEN))


def test_a_run_without_any_period_says_what_to_do() -> None:
    """A manual or asset run without a logical date names the param to give, with an example."""
    with pytest.raises(RunWindowMissing, match=r'trigger it with the param as_of, such as \{"as_of"'):
        run_window(_context())


def test_params_stand_before_the_interval() -> None:
    """An operator who gives as_of means it, whatever interval Airflow made up for the manual run."""
    context = _context(
        params={"as_of": "2026-11-21T10:00:00+01:00"}, data_interval_start=NINE, data_interval_end=TEN
    )
    window = run_window(context)
    assert (window.start, window.as_of) == (None, NINE)


def test_conf_counts_like_params() -> None:
    """What a REST call puts into conf is a param too."""
    context = _context(dag_run=SimpleNamespace(conf={"as_of": "2026-11-21T09:00:00Z"}))
    assert run_window(context).as_of == NINE


def test_a_window_can_be_given() -> None:
    """window_start and window_end together are a period."""
    given = {"window_start": "2026-11-21T09:00:00Z", "window_end": "2026-11-21T10:00:00Z"}
    window = run_window(_context(dag_run=SimpleNamespace(conf=given)))
    assert (window.start, window.end, window.as_of) == (NINE, TEN, TEN)


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"as_of": "2026-11-21T09:00:00"}, "without an offset"),
        ({"as_of": "yesterday"}, "as_of is 'yesterday'"),
        ({"window_start": "2026-11-21T09:00:00Z"}, "window_start is given without window_end"),
        ({"window_end": "2026-11-21T09:00:00Z"}, "window_end is given without window_start"),
        (
            {"window_start": "2026-11-21T09:00:00Z", "window_end": "2026-11-21T09:00:00Z"},
            "window_end makes an empty period",
        ),
    ],
)
def test_a_senseless_period_is_refused(given: dict[str, str], complaint: str) -> None:
    """A value that is no sensible time fails with its name, never with a guess."""
    with pytest.raises(RunWindowMissing, match=complaint):
        run_window(_context(dag_run=SimpleNamespace(conf=given)))


@pytest.mark.parametrize(
    ("key", "start", "end"),
    [
        ("2026-11-21", _utc(2026, 11, 21), _utc(2026, 11, 22)),
        ("2026-11-21T09:00:00", None, NINE),
        ("2026-11-21T10:00:00+01:00", None, NINE),
        ("2026-11-21T09:00:00/2026-11-21T10:00:00", NINE, TEN),
    ],
)
def test_a_partition_key_is_the_period(key: str, start: dt.datetime | None, end: dt.datetime) -> None:
    """A partition key stands before everything else; without an offset it is UTC."""
    context = _context(partition_key=key, params={"as_of": "2020-01-01T00:00:00Z"})
    window = run_window(context)
    assert (window.start, window.end, window.as_of) == (start, end, end)


@pytest.mark.parametrize("key", ["blue", "2026-11", "2026-11-21T10:00:00/2026-11-21T09:00:00"])
def test_a_partition_key_that_is_no_period_is_refused(key: str) -> None:
    """A key of another kind is an error, not an invitation to guess."""
    with pytest.raises(RunWindowMissing, match="the partition key"):
        run_window(_context(partition_key=key))


LATER = _utc(2026, 11, 21, 10, 6)  # six minutes after the clock of the tests below


@pytest.mark.parametrize(
    ("context", "end"),
    [
        ({"params": {"as_of": "2027-11-21T09:00:00Z"}}, "2027-11-21 09:00:00"),
        ({"dag_run": SimpleNamespace(conf={"as_of": "2027-11-21T09:00:00Z"})}, "2027-11-21 09:00:00"),
        ({"params": {"as_of": LATER.isoformat()}}, "2026-11-21 10:06:00"),
        (
            {"params": {"window_start": "2026-11-21T09:00:00Z", "window_end": "2027-11-21T09:00:00Z"}},
            "2027-11-21 09:00:00",
        ),
        ({"partition_key": "2027-11-21"}, "2027-11-22 00:00:00"),
        ({"partition_key": "2026-11-21"}, "2026-11-22 00:00:00"),  # a day that is not over
        ({"partition_key": "2027-11-21T09:00:00"}, "2027-11-21 09:00:00"),
        ({"partition_key": "2026-11-21T09:00:00/2027-11-21T10:00:00"}, "2027-11-21 10:00:00"),
        ({"data_interval_start": NINE, "data_interval_end": _utc(2027, 11, 21, 10)}, "2027-11-21 10:00:00"),
        ({"data_interval_start": NINE, "data_interval_end": LATER}, "2026-11-21 10:06:00"),
    ],
)
def test_a_period_that_ends_in_the_future_is_refused(
    monkeypatch: pytest.MonkeyPatch, context: dict[str, Any], end: str
) -> None:
    """A param, a conf, a partition key or a logical date of the future fails at once, with the moment and a remedy."""
    monkeypatch.setattr("lifecycle_airflow.run_window.now", lambda: TEN)
    with pytest.raises(FutureRefused) as refused:
        run_window(_context(**context))
    assert str(refused.value) == (
        f"the end of this run's period {end} UTC is in the future (it is 2026-11-21 10:00:00 UTC, and 5 minutes of "
        "difference between clocks are allowed): nothing was done; trigger it with an as_of, a partition key or a "
        "logical date that has passed"
    )


def test_the_clocks_of_scheduler_and_worker_may_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    """A period that ended four minutes ahead of the worker's clock is another machine's present."""
    monkeypatch.setattr("lifecycle_airflow.run_window.now", lambda: TEN)
    ahead = TEN + dt.timedelta(minutes=4)
    assert run_window(_context(data_interval_start=NINE, data_interval_end=ahead)).as_of == ahead
    assert run_window(_context(params={"as_of": ahead.isoformat()})).as_of == ahead


def test_the_key_is_the_period_and_not_the_run() -> None:
    """Two runs of one period share a key, in whatever zone and type their times come."""
    berlin = pendulum.timezone("Europe/Berlin")
    one = run_window(_context(run_id="a", data_interval_start=NINE, data_interval_end=TEN))
    other = run_window(
        _context(
            run_id="b",
            data_interval_start=pendulum.instance(NINE).in_timezone(berlin),
            data_interval_end=pendulum.instance(TEN).in_timezone(berlin),
        )
    )
    assert one == other
    assert one.key == "2026-11-21T09:00:00+00:00/2026-11-21T10:00:00+00:00"
    assert {type(other.start), type(other.as_of)} == {dt.datetime}


def test_the_clock_is_utc() -> None:
    """The task's clock gives instants, never local times."""
    assert now().tzinfo is dt.UTC
