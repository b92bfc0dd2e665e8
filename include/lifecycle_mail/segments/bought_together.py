"""What is bought together and what sells best, counted from the orders that changed, and whether it foretells anything.

Part of the stage. `segment.basket` keeps what was counted of each order. A refresh counts the difference between what
was counted and what counts now, so that an order that changed, was cancelled or left the look-back is taken back,
whatever it said before. A check learns from older orders alone and asks what customers then bought.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.engine import Connection, Engine

from lifecycle_mail.database import lock, refresh_statistics, run, run_given, run_with, scalar, statement
from lifecycle_mail.errors import SegmentError
from lifecycle_mail.segments.evaluation import plan_for_whole_tables

LARGEST_LOAD = 2**63 - 1
CHECK_AFTER = timedelta(days=7)  # a hit rate of thirty days changes slowly
_PAIRS = "segments/pairs"
_BEST = "segments/bestsellers"
_KEPT = {
    "counted_pairs": ("segments/kept_pairs",),
    "counted_products": ("segments/kept_products",),
    "counted_baskets": ("segments/kept_baskets",),
}
_AT_ONCE = {
    "counted_pairs": ("segments/pairs_now",),
    "counted_products": ("segments/products_now",),
    "counted_baskets": ("segments/baskets_now",),
}


@dataclass(frozen=True)
class Thresholds:
    """What counts, each with its reason.

    `look_back_days`: long enough for 5 orders of one pair, short enough to forget a season. `most_products`: an order
    with more says little of what goes together, and its pairs grow with the square. `least_orders` together: fewer are
    chance. `least_confidence`, `least_lift`: below, the other product would be named by chance. `places`: what a
    product keeps; a mail shows at most ten, and drops what the customer has. `held_back_days`, `items`: of the check.
    `least_customers`: with fewer the check cannot tell.
    """

    look_back_days: int = 180
    most_products: int = 40
    least_orders: int = 5
    least_confidence: float = 0.02
    least_lift: float = 1.0
    places: int = 20
    best_places: int = 50
    held_back_days: int = 30
    items: int = 3
    least_customers: int = 30


@dataclass(frozen=True)
class Refreshed:
    """What a refresh did: orders that it looked at again, pairs and bestsellers that it wrote."""

    orders: int
    pairs: int
    bestsellers: int

    def counts(self) -> dict[str, int]:
        """Return the counts by name."""
        return asdict(self)


@dataclass(frozen=True)
class HitRates:
    """What a check found. `chosen`: bought_together or bestseller; `because`: better, not_better or too_few."""

    customers: int
    items_shown: int
    hits_together: int
    hits_bestsellers: int
    chosen: str
    because: str

    def sentence(self, thresholds: Thresholds) -> str:
        """Return the figures as one line."""
        shares = [f"{hits / self.customers:.2%}" if self.customers else "none" for hits in (
            self.hits_together, self.hits_bestsellers
        )]  # fmt: skip
        verdict = {
            "better": "complements are what is bought together",
            "not_better": "complements are bestsellers of the category",
            "too_few": f"fewer than {thresholds.least_customers} cannot tell: complements are what is bought together",
        }[self.because]
        return (
            f"{self.customers} customers, up to {thresholds.items} products each, {thresholds.held_back_days} days "
            f"held back: bought together hit {shares[0]} ({self.hits_together}), bestsellers of the "
            f"category {shares[1]} ({self.hits_bestsellers}); {verdict}"
        )


def refresh_bought_together(engine: Engine, as_of: datetime, thresholds: Thresholds = Thresholds()) -> Refreshed:
    """Bring pairs and bestsellers to `as_of`, from the orders that changed since the last refresh.

    Everything is counted again the first time, for an earlier `as_of`, and if another basket counts. One transaction:
    a kill changes nothing, and the same `as_of` again changes nothing unless orders changed.
    """
    _require_zone(as_of)
    given = {"as_of": as_of, **asdict(thresholds)}
    with engine.begin() as connection:
        lock(connection, "bought together")
        plan_for_whole_tables(connection)
        orders = _count_changes(connection, given)
        run(connection, "segments/forget_pairs")
        run(connection, "segments/forget_bestsellers")
        pairs = _run_counted(connection, "segments/write_pairs", {"pairs": (_PAIRS,), **_KEPT}, given).rowcount
        best = {"best": (_BEST,), "counted_products": _KEPT["counted_products"]}
        bestsellers = _run_counted(connection, "segments/write_bestsellers", best, given).rowcount
        refresh_statistics(connection, "segment.product_pair", pairs)
        refresh_statistics(connection, "segment.bestseller", bestsellers)
    return Refreshed(orders, pairs, bestsellers)


def _count_changes(connection: Connection, given: dict[str, Any]) -> int:
    """Count the difference of the touched orders; return how many orders were touched."""
    last = run(connection, "segments/counted_up_to").one_or_none()
    load_id = run(connection, "segments/seen").one().load_id
    rules_md5, as_of = _rules_md5(given), given["as_of"]
    if last is None or as_of < last.refreshed_at or last.rules_md5 != rules_md5:
        run(connection, "segments/forget_counts")
        touched = _touch_all(connection, given)
    else:
        touched = _touch(connection, {**given, "since": last.refreshed_at, "load_id": last.load_id})
    run_given(connection, "segments/create_basket_now", given)
    _analyze(connection, "touched_order", "basket_now")
    run(connection, "segments/create_basket_change")
    _analyze(connection, "basket_change")
    for name in ("count_products", "count_pairs", "drop_baskets", "write_baskets"):
        run(connection, f"segments/{name}")
    for table in ("basket", "product_orders", "pair_orders"):
        refresh_statistics(connection, f"segment.{table}", touched)
    run(connection, "segments/mark_counted", as_of=as_of, load_id=load_id, rules_md5=rules_md5)
    return touched


def _touch_all(connection: Connection, given: dict[str, Any]) -> int:
    """Touch every order of the look-back."""
    since = given["as_of"] - timedelta(days=given["look_back_days"])
    return _touch(connection, {**given, "since": since, "load_id": LARGEST_LOAD})


def _touch(connection: Connection, given: dict[str, Any]) -> int:
    run_given(connection, "segments/create_touched_order", given)
    return int(connection.exec_driver_sql("select count(*) from touched_order").scalar_one())


def check_bought_together(engine: Engine, as_of: datetime, thresholds: Thresholds = Thresholds()) -> HitRates:
    """Learn without the last days, compare with what customers bought in them, keep and return what was found.

    Raises:
        SegmentError: `as_of` has no time zone.
    """
    _require_zone(as_of)
    cut_off = as_of - timedelta(days=thresholds.held_back_days)
    given = {**asdict(thresholds), "cut_off": cut_off}
    with engine.begin() as connection:
        lock(connection, "bought together check")
        plan_for_whole_tables(connection)
        learned = {**given, "as_of": cut_off}
        _touch_all(connection, learned)
        run_given(connection, "segments/create_basket_now", learned)
        _analyze(connection, "basket_now")
        for name in ("create_product_now", "create_pair_now"):
            run_given(connection, f"segments/{name}", learned)
        _analyze(connection, "product_now", "pair_now")
        _run_counted(connection, "segments/create_trained_pair", {"pairs": (_PAIRS,), **_AT_ONCE}, learned)
        best = {"best": (_BEST,), "counted_products": _AT_ONCE["counted_products"]}
        _run_counted(connection, "segments/create_trained_best", best, learned)
        run_given(connection, "segments/create_judged_product", {**given, "as_of": as_of})
        _analyze(connection, "trained_pair", "trained_best", "judged_product")
        row = run(connection, "segments/hits", as_of=as_of, items=thresholds.items).mappings().one()
        found = _judged({name: int(number) for name, number in row.items()}, thresholds)
        run_given(connection, "segments/write_check", {**given, "as_of": as_of, **asdict(found)})
    return found


def _judged(counts: dict[str, int], thresholds: Thresholds) -> HitRates:
    if counts["customers"] < thresholds.least_customers:
        return HitRates(**counts, chosen="bought_together", because="too_few")
    if counts["hits_together"] > counts["hits_bestsellers"]:
        return HitRates(**counts, chosen="bought_together", because="better")
    return HitRates(**counts, chosen="bestseller", because="not_better")


def is_check_due(engine: Engine, as_of: datetime) -> bool:
    """Return whether the last check up to `as_of` is a week old, or there is none."""
    with engine.connect() as connection:
        checked_at = scalar(connection, "segments/last_check", as_of=as_of)
    return checked_at is None or as_of - checked_at >= CHECK_AFTER


def is_refresh_due(engine: Engine, as_of: datetime) -> bool:
    """Return whether the counts are not of the UTC day of `as_of` yet."""
    with engine.connect() as connection:
        last = run(connection, "segments/counted_up_to").one_or_none()
    return last is None or last.refreshed_at.date() < as_of.astimezone(last.refreshed_at.tzinfo).date()


def _run_counted(
    connection: Connection, name: str, put_in: Mapping[str, tuple[str, ...]], given: dict[str, Any]
) -> Any:
    texts = [name, *(file for files in put_in.values() for file in files)]
    bound = {key for text in texts for key in statement(text).compile().params}
    return run_with(connection, name, put_in, **{key: given[key] for key in bound})


def _rules_md5(given: dict[str, Any]) -> str:
    """Return the checksum of what a basket is: the statement that makes one, and its numbers."""
    said = statement("segments/create_basket_now").text
    numbers = f"{given['look_back_days']}/{given['most_products']}"
    return hashlib.md5(f"{said}{numbers}".encode(), usedforsecurity=False).hexdigest()


def _analyze(connection: Connection, *tables: str) -> None:
    for table in tables:
        connection.exec_driver_sql(f"analyze {table}")


def _require_zone(as_of: datetime) -> None:
    if as_of.tzinfo is None:
        raise SegmentError("as_of has no time zone: give one, such as 2026-03-02T12:00:00Z")
