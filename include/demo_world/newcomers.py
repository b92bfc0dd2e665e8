"""Made-up newcomers of the last three days: sign-ups, first orders, downloads, pages read, first uses of a feature.

The real shop stands still after its year, so no household is new. Without newcomers no one would be welcomed.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from random import Random
from typing import Any, NamedTuple

from demo_world.chance import generator
from demo_world.people import birthday, identity
from demo_world.purchases import CURRENCY
from demo_world.shop_time import start_of, whole_second

ORDER_COLUMNS = ("order_id", "customer_id", "ordered_at", "total", "currency", "delivered_at", "status")
DAYS = 3
A_DAY = 40
CONFIRMED, ORDERED = 0.7, 0.4
ACTIONS = {
    "subscribe": (0.25, ("blog",)),
    "download": (0.25, ("coffee guide", "meal planner")),
    "feature_use": (0.2, ("shopping list", "recipe finder")),
}
PAGES = {"pricing": (0.2, 4), "customer stories": (0.2, 2), "coffee and tea": (0.3, 4), "recipes": (0.5, 1)}


class Newcomers(NamedTuple):
    """Rows of the feeds, as the newcomers of three days bring them."""

    customers: list[dict[str, Any]]
    orders: list[dict[str, Any]]
    order_lines: list[dict[str, Any]]
    lead_actions: list[dict[str, Any]]
    page_views: list[dict[str, Any]]


def newcomers(prices: list[tuple[str, float]], *, today: date, seed: int) -> Newcomers:
    """Return who came in the three UTC days before `today`, and what they did until it began.

    prices: product_id and price of what they may order, in any order.
    A newcomer is the same on each day that still shows them.
    """
    found = Newcomers([], [], [], [], [])
    for days in range(DAYS, 0, -1):
        day = today - timedelta(days=days)
        for number in range(A_DAY):
            chance = generator(seed, "newcomer", day, number)
            person = _person(f"N{day:%m%d}-{number}", start_of(day), chance)
            found.customers.append(person)
            _deeds(found, person, sorted(prices), start_of(today), chance)
    return found


def _person(customer_id: str, day: datetime, chance: Random) -> dict[str, Any]:
    known = identity(customer_id, chance)
    created_at = whole_second(day + timedelta(hours=chance.uniform(0, 20)))
    is_confirmed = chance.random() < CONFIRMED
    said_at = created_at + timedelta(minutes=chance.uniform(1, 90)) if is_confirmed else created_at
    return {
        **known,
        "created_at": created_at,
        "birthday": birthday(chance),
        "signup_source": chance.choice(("newsletter", "checkout", "app")),
        "permission": "confirmed" if is_confirmed else "pending",
        "permission_at": whole_second(said_at),
    }


def _deeds(
    found: Newcomers, person: dict[str, Any], prices: list[tuple[str, float]], until: datetime, chance: Random
) -> None:
    """Add what a newcomer did. Everything is drawn on the day of the sign-up; what would be later is left out."""
    came = person["created_at"]
    if chance.random() < ORDERED:
        at = whole_second(came + timedelta(hours=chance.uniform(0.5, 3)))
        bought = chance.sample(prices, min(3, len(prices)))
        if at < until:
            _order(found, person["customer_id"], at, bought)
    found.lead_actions.extend(one for one in _actions(person, chance) if one["acted_at"] < until)
    found.page_views.extend(one for one in _views(person, chance) if one["viewed_at"] < until)


def _order(found: Newcomers, customer_id: str, at: datetime, bought: list[tuple[str, float]]) -> None:
    order_id = f"{customer_id}-1"
    found.orders.append({
        "order_id": order_id, "customer_id": customer_id, "ordered_at": at, "delivered_at": at,
        "total": round(sum(price for _, price in bought), 2), "currency": CURRENCY, "status": "placed",
    })  # fmt: skip
    found.order_lines.extend(
        {"order_id": order_id, "line_no": line_no, "product_id": product_id, "quantity": 1, "unit_price": price}
        for line_no, (product_id, price) in enumerate(bought, start=1)
    )


def _actions(person: dict[str, Any], chance: Random) -> Iterator[dict[str, Any]]:
    for kind, (share, subjects) in ACTIONS.items():
        drawn, at = chance.random(), person["created_at"] + timedelta(hours=chance.uniform(0.1, 20))
        row = {"kind": kind, "subject": chance.choice(subjects), "acted_at": whole_second(at)}
        if drawn < share:
            yield {"action_id": f"{person['customer_id']}-{kind}", "customer_id": person["customer_id"], **row}


def _views(person: dict[str, Any], chance: Random) -> Iterator[dict[str, Any]]:
    for topic, (share, most) in PAGES.items():
        drawn, times = chance.random(), chance.randint(max(1, most - 1), most)
        ats = [person["created_at"] + timedelta(hours=chance.uniform(0.1, 20)) for _ in range(times)]
        if drawn < share:
            for number, at in enumerate(ats):
                yield {
                    "view_id": f"{person['customer_id']}-{topic}-{number}", "customer_id": person["customer_id"],
                    "viewed_at": whole_second(at), "topic": topic, "seconds_on_page": chance.randint(20, 240),
                }  # fmt: skip
