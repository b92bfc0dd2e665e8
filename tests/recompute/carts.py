"""Whose an order is in a campaign: of the customers of its series about the cart it names, else of who placed it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from recompute.facts import Facts


class Series(NamedTuple):
    """A series about a cart."""

    enrollment_id: int
    campaign: str
    customer_id: str
    enrolled_at: Any


class Buyers:
    """For whom orders count. A series counts from its beginning on, once there is a decision or a mail of it."""

    def __init__(self, facts: Facts) -> None:
        self.placed_by: dict[str, str] = {}
        self.told: dict[tuple[str, str], list[Series]] = {}
        about = _series_about_carts(facts)
        for order in facts.rows("source.orders"):
            self.placed_by[order.order_id] = order.customer_id
            for one in about.get(order.cart_id, []):
                if one.enrolled_at <= order.ordered_at:
                    self.told.setdefault((order.order_id, one.campaign), []).append(one)
        self.told = {
            key: series
            for key, series in self.told.items()
            if {one.customer_id for one in series} != {self.placed_by[key[0]]}
        }

    def of(self, order_id: str, campaign: str) -> set[str]:
        """The customers for whom an order counts in a campaign."""
        series = self.told.get((order_id, campaign))
        return {one.customer_id for one in series} if series else {self.placed_by[order_id]}

    def rows(self) -> Iterable[tuple[str, str, str, bool]]:
        """(order, campaign, customer, is the first series about the cart theirs) if another customer ordered."""
        for (order_id, campaign), series in self.told.items():
            first = min(series).customer_id
            for who in {one.customer_id for one in series}:
                yield order_id, campaign, who, who == first


def _series_about_carts(facts: Facts) -> dict[str, list[Series]]:
    begun = {row.enrollment_id for name in ("decision.decision", "message.message") for row in facts.rows(name)}
    series = {row.enrollment_id: row for row in facts.rows("journey.enrollment") if row.enrollment_id in begun}
    contexts = [(one, one.context) for one in series.values() if one.joined == 0]
    for part in facts.rows("journey.occurrence"):
        if part.fate in ("enrolled", "joined") and part.enrollment_id in series:
            contexts.append((series[part.enrollment_id], part.context))
    found: dict[str, list[Series]] = {}
    for one, context in contexts:
        if (context or {}).get("cart_id") is not None:
            told = Series(one.enrollment_id, one.campaign, one.customer_id, one.enrolled_at)
            found.setdefault(context["cart_id"], []).append(told)
    return found
