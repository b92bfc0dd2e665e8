"""Every table and view of schema kpi is what its definition says, after any history, however it was rolled up.

A shop lives on in random ways. Orders, views, reviews and offers change their customer, their time and their worth.
The roll-up follows in portions. After each of them the numbers are computed a second time from the facts alone, in
pandas (tests/recompute), and compared row by row.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from random_shop import TODAY, Shop
from sqlalchemy.engine import Engine

from lifecycle_mail.kpis import check, roll_up
from recompute import BOOKKEEPING, OF_OTHERS, differences, recomputed_names
from suite_budget import with_long

PORTIONS = 4
SHOPS = [(1, "UTC", None), (2, "Asia/Tokyo", "EUR")]
MORE_SHOPS = [(seed, ("UTC", "America/New_York", "Asia/Kolkata")[seed % 3], (None, "EUR", "USD")[seed % 3])
              for seed in range(3, 33)]  # fmt: skip


@pytest.mark.parametrize(("seed", "zone", "currency"), with_long(SHOPS, MORE_SHOPS))
def test_the_numbers_are_what_the_definitions_say(
    warehouse: Engine, tmp_path: Path, seed: int, zone: str, currency: str | None
) -> None:
    """After each portion of any history, and after a full roll-up; and all identities hold."""
    shop = Shop(warehouse, tmp_path, seed)
    for portion in range(PORTIONS + 1):
        if portion < PORTIONS:
            shop.live()
        roll_up(warehouse, reporting_zone=zone, reporting_currency=currency, now=TODAY, full=portion == PORTIONS)
        assert differences(warehouse, zone, currency, TODAY) == []
        assert check(warehouse) == check(warehouse, changed_only=True) == []


def test_every_number_has_a_second_computation(warehouse: Engine) -> None:
    """A table or view of schema kpi is computed again, or it is named with those that have judges of their own."""
    inspector = sa.inspect(warehouse)
    found = {*inspector.get_table_names(schema="kpi"), *inspector.get_view_names(schema="kpi")}
    assert found == recomputed_names() | BOOKKEEPING | OF_OTHERS
