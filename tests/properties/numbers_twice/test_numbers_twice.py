"""Every table and view of schema kpi is what its definition says, after any history, however it was rolled up.

A shop lives on in random ways. Orders, views, reviews and offers change their customer, their time and their worth.
The roll-up follows in portions. After each of them the numbers are computed a second time from the facts alone, in
pandas (tests/recompute), and compared row by row.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from random_shop import FIRST_LOOK, TODAY, Shop
from sqlalchemy.engine import Engine

from lifecycle_mail.events import settle_clicks
from lifecycle_mail.kpis import check, roll_up
from recompute import BOOKKEEPING, OF_OTHERS, differences, recomputed_names, relations, repeated
from suite_budget import with_long

PORTIONS = ("live", "live", "pass_quietly", "pass_quietly", "live", "pass_quietly", "pass_quietly", "pass_quietly")
SHOPS = [(3, "UTC", None), (7, "America/New_York", "EUR")]
MORE_SHOPS = [(seed, ("UTC", "America/New_York", "Asia/Kolkata")[seed % 3], (None, "EUR", "USD")[seed % 3])
              for seed in range(1, 33) if seed not in (3, 7)]  # fmt: skip


@pytest.mark.parametrize(("seed", "zone", "currency"), with_long(SHOPS, MORE_SHOPS))
def test_the_numbers_are_what_the_definitions_say(
    warehouse: Engine, tmp_path: Path, seed: int, zone: str, currency: str | None
) -> None:
    """After each portion of any history, and after a full roll-up. All identities hold, and no grain has two rows."""
    shop = Shop(warehouse, tmp_path, seed)
    for number, portion in enumerate(PORTIONS):
        getattr(shop, portion)()
        now = FIRST_LOOK if number == 0 else TODAY  # what is dated ahead of the first one has happened at the second
        settle_clicks(warehouse, full=True)
        roll_up(warehouse, reporting_zone=zone, reporting_currency=currency, now=now)
        assert differences(warehouse, zone, currency, now) == []
        assert check(warehouse) == check(warehouse, since=now) == []
    roll_up(warehouse, reporting_zone=zone, reporting_currency=currency, now=TODAY, full=True)
    assert differences(warehouse, zone, currency, TODAY) == []
    assert repeated(warehouse) == []


def test_every_number_has_a_second_computation(warehouse: Engine) -> None:
    """A table or view of schema kpi is computed again, or it is named with those that have judges of their own."""
    inspector = sa.inspect(warehouse)
    found = {*inspector.get_table_names(schema="kpi"), *inspector.get_view_names(schema="kpi")}
    assert found == recomputed_names() | BOOKKEEPING | OF_OTHERS


QUEUES = {"ahead", "list_change", "moved_fact", "waiting_change"}


def test_every_table_and_view_says_its_grain_and_its_moment(warehouse: Engine) -> None:
    """The comment of each says "one row per", in words that are its columns; of a table they are its primary key. Each
    row says which roll-up wrote it. Queues, which a roll-up empties, have neither."""
    queues = {one.name for one in relations(warehouse) if one.grain is None}
    assert queues == QUEUES
    for one in relations(warehouse):
        if one.name in queues:
            continue
        assert one.grain, one.name
        assert one.grain <= one.columns, f"{one.name}: {one.grain}"
        assert one.key in (frozenset(), one.grain), f"{one.name}: its key is {set(one.key)}"
        assert "as_of" in one.columns or one.name == "roll_up", one.name


def test_a_view_that_repeats_its_grain_is_found(warehouse: Engine, tmp_path: Path) -> None:
    """For example decisions by outcome and reason, if the view says that it has one row per reason."""
    shop = Shop(warehouse, tmp_path, 1)
    shop.live()
    roll_up(warehouse, reporting_zone="UTC", now=TODAY)
    with warehouse.begin() as connection:
        connection.exec_driver_sql("comment on view kpi.decision_daily is 'One row per campaign and reason.'")
    assert repeated(warehouse) == ["decision_daily repeats campaign, reason"]
