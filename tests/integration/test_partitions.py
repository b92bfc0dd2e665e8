"""Monthly partitions: made ahead, made once, and dropped when kept long enough, without a quarrel with others."""

from __future__ import annotations

import datetime as dt
import threading

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from lifecycle_mail.partitions import ensure_months

NEW_YEARS_EVE = dt.datetime(2030, 12, 31, 23, 30, tzinfo=dt.UTC)


def _partitions(warehouse: Engine) -> set[str]:
    query = "select inhrelid::regclass::text from pg_inherits where inhrelid::regclass::text ~ '_20[0-9]{2}_'"
    with warehouse.connect() as connection:
        return set(connection.execute(sa.text(query)).scalars())


def test_the_next_months_are_made(warehouse: Engine) -> None:
    """Every table partitioned by time gets this month and the next two, over the turn of a year."""
    months = ensure_months(warehouse, NEW_YEARS_EVE, months_ahead=2)
    assert months == [
        f"{table}_{month}"
        for table in ("decision.decision", "event.event")
        for month in ("2030_12", "2031_01", "2031_02")
    ]
    assert set(months) <= _partitions(warehouse)


def test_a_second_run_makes_nothing(warehouse: Engine) -> None:
    """A re-run finds every partition there."""
    first = ensure_months(warehouse, NEW_YEARS_EVE, months_ahead=2)
    before = _partitions(warehouse)
    assert ensure_months(warehouse, NEW_YEARS_EVE, months_ahead=2) == first
    assert _partitions(warehouse) == before


def test_months_are_utc_months(warehouse: Engine) -> None:
    """An instant that is January in Tokyo and December in UTC belongs to December."""
    tokyo = NEW_YEARS_EVE.astimezone(dt.timezone(dt.timedelta(hours=9)))
    months = ensure_months(warehouse, tokyo, months_ahead=0)
    assert months == ["decision.decision_2030_12", "event.event_2030_12"]


def test_two_at_a_time(warehouse: Engine) -> None:
    """Two campaigns that meet a new month together both go on: the second waits for the first."""
    ensure = sa.text("select installation.ensure_month('decision.decision', '2031-07-01Z')")
    failures: list[BaseException] = []

    def second() -> None:
        try:
            with warehouse.begin() as connection:
                connection.execute(ensure)
        except BaseException as error:
            failures.append(error)

    with warehouse.begin() as connection:
        connection.execute(ensure)
        waiting = threading.Thread(target=second)
        waiting.start()
        waiting.join(0.5)
        assert waiting.is_alive()
    waiting.join(10)
    assert failures == []
    assert "decision.decision_2031_07" in _partitions(warehouse)
