"""Made-up words of customers: lead actions and reviews; and offers that are not spent yet."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pandas as pd

from demo_world.chance import generator, uniform
from demo_world.shop_time import moved, whole_second

LEAD_ACTION_COLUMNS = ("action_id", "customer_id", "kind", "subject", "acted_at")
REVIEW_COLUMNS = ("review_id", "customer_id", "product_id", "order_id", "rating", "reviewed_at")
OFFER_COLUMNS = (
    "offer_code",
    "customer_id",
    "campaign",
    "percent",
    "valid_from",
    "valid_until",
    "redeemed_at",
)

LEAD_ACTIONS = {
    "subscribe": (0.45, ("newsletter", "blog")),
    "download": (0.08, ("meal planner", "pet care guide", "coffee guide")),
    "webinar": (0.04, ("cooking for two", "first year with a baby")),
    "event": (0.05, ("wine tasting", "store opening")),
    "feature_use": (0.15, ("shopping list", "recipe finder", "app scanner")),
}
REVIEWED = 0.01
RATINGS = {5: 46, 4: 28, 3: 12, 2: 6, 1: 8}
UNSPENT_OFFERS = 0.1


def lead_actions(people: list[dict[str, Any]], until: datetime, seed: int) -> Iterator[dict[str, Any]]:
    """Feed `lead_actions`: subscriptions at sign-up, the others between sign-up and `until` (UTC)."""
    for person in people:
        chance = generator(seed, "lead actions", person["customer_id"])
        for kind, (share, subjects) in LEAD_ACTIONS.items():
            if chance.random() < share:
                yield _lead_action(person, kind, chance.choice(subjects), until, chance)


def _lead_action(person: dict[str, Any], kind: str, subject: str, until: datetime, chance: Random) -> dict[str, Any]:
    later = 0.0 if kind == "subscribe" else chance.random()
    return {
        "action_id": f"{person['customer_id']}-{kind}",
        "customer_id": person["customer_id"],
        "kind": kind,
        "subject": subject,
        "acted_at": whole_second(person["created_at"] + (until - person["created_at"]) * later),
    }


def reviews(
    baskets: pd.DataFrame, lines: pd.DataFrame, *, shift_days: int, until: datetime, seed: int
) -> Iterator[dict[str, Any]]:
    """Feed `reviews`: about one basket in a hundred, 3 to 14 days after the purchase, none after `until`."""
    chosen = baskets[uniform(seed, "review", baskets["basket_id"]) < REVIEWED]
    bought = lines[lines["basket_id"].isin(chosen["basket_id"])].groupby("basket_id")["product_id"]
    products = bought.first().to_dict()
    for row, bought_at in zip(chosen.itertuples(), moved(chosen["sold_at"], shift_days), strict=True):
        chance = generator(seed, "review", row.basket_id)
        reviewed_at = whole_second(bought_at.to_pydatetime() + timedelta(days=chance.uniform(3, 14)))
        if reviewed_at <= until:
            rating = chance.choices(list(RATINGS), weights=list(RATINGS.values()))[0]
            yield {
                "review_id": f"{row.basket_id}",
                "customer_id": f"{row.household_id}",
                "product_id": f"{products[row.basket_id]}",
                "order_id": f"{row.basket_id}",
                "rating": rating,
                "reviewed_at": reviewed_at,
            }


def unspent_offers(people: list[dict[str, Any]], until: datetime, seed: int) -> Iterator[dict[str, Any]]:
    """Feed `offers`: personal offers given in the last ten days, valid for some days more, not redeemed."""
    for person in people:
        chance = generator(seed, "offer", person["customer_id"])
        if chance.random() < UNSPENT_OFFERS:
            yield {
                "offer_code": f"THANKS-{person['customer_id']}",
                "customer_id": person["customer_id"],
                "campaign": "thank_you",
                "percent": chance.choice((5, 10, 15)),
                "valid_from": whole_second(until - timedelta(days=chance.uniform(0, 10))),
                "valid_until": whole_second(until + timedelta(days=chance.uniform(3, 30))),
                "redeemed_at": None,
            }
