"""Made-up page views: sessions before some real purchases, and visits of the last two weeks.

Only households that bought within the last 60 real days visit lately: a made-up visit is activity, and must
not wake a household that really lapsed.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

import pandas as pd

from demo_world.chance import generator, uniform
from demo_world.shop_time import LAST_PURCHASE, moved, start_of

TOPICS = ("recipes", "baby", "pets", "vitamins", "weekly offers", "coffee and tea")
SESSIONS_BEFORE_PURCHASES = 0.03
VISITS_A_DAY = 0.04
VISIT_DAYS = 14


def page_views(
    baskets: pd.DataFrame, lines: pd.DataFrame, *, today: date, shift_days: int, seed: int
) -> Iterator[dict[str, Any]]:
    """Feed `page_views`: times UTC, seconds on the page; nothing at or after midnight UTC of `today`."""
    sessions = _sessions(_recent(baskets, days=90), seed)
    newest = _recent(baskets, days=60).sort_values(["sold_at", "basket_id"])
    last = newest.drop_duplicates("household_id", keep="last").sort_values("household_id")
    seen = _products_of(lines, pd.concat([sessions["basket_id"], last["basket_id"]]))
    yield from _before_purchases(sessions, seen, shift_days, seed)
    last_basket = last.set_index("household_id")["basket_id"]
    for days in range(VISIT_DAYS, 0, -1):
        yield from _visits_on(today - timedelta(days=days), last_basket, seen, seed)


def _sessions(baskets: pd.DataFrame, seed: int) -> pd.DataFrame:
    return baskets[uniform(seed, "session", baskets["basket_id"]) < SESSIONS_BEFORE_PURCHASES]


def _products_of(lines: pd.DataFrame, basket_ids: pd.Series) -> dict[Any, list[int]]:
    wanted = lines[lines["basket_id"].isin(basket_ids)]
    return wanted.groupby("basket_id")["product_id"].agg(list).to_dict()


def _recent(baskets: pd.DataFrame, days: int) -> pd.DataFrame:
    end = pd.Timestamp(LAST_PURCHASE).tz_localize(None)
    return baskets[baskets["sold_at"] >= end - pd.Timedelta(days=days)]


def _before_purchases(
    sessions: pd.DataFrame, seen: dict[Any, list[int]], shift_days: int, seed: int
) -> Iterator[dict[str, Any]]:
    for row, bought_at in zip(sessions.itertuples(), moved(sessions["sold_at"], shift_days), strict=True):
        chance = generator(seed, "session", row.basket_id)
        start = bought_at.to_pydatetime() - timedelta(minutes=chance.uniform(20, 180))
        yield from _session(f"{row.basket_id}", str(row.household_id), start, seen[row.basket_id], chance)


def _visits_on(day: date, last_basket: pd.Series, seen: dict[Any, list[int]], seed: int) -> Iterator[dict[str, Any]]:
    """Visits of one UTC day depend on that day alone: a later run tells them again in the same words."""
    households = last_basket.index.to_numpy()
    for household in households[uniform(seed, f"visit {day}", households) < VISITS_A_DAY]:
        chance = generator(seed, "visit", day, household)
        start = start_of(day) + timedelta(minutes=chance.uniform(0, 23 * 60))
        products = seen[last_basket[household]]
        yield from _session(f"{household}-{day:%Y%m%d}", str(household), start, products, chance)


def _session(key: str, customer: str, start: datetime, products: list[int], chance: Random) -> Iterator[dict[str, Any]]:
    """One to four pages, a quarter of them topic pages; less than 20 minutes in all."""
    viewed_at = start.replace(microsecond=0)
    for number in range(chance.randint(1, 4)):
        seconds = min(240, int(chance.lognormvariate(3.3, 1)))
        topic = chance.choice(TOPICS) if chance.random() < 0.25 else None
        yield {
            "view_id": f"{key}-{number + 1}",
            "customer_id": customer,
            "viewed_at": viewed_at,
            "product_id": None if topic else str(chance.choice(products)),
            "topic": topic,
            "seconds_on_page": seconds,
        }
        viewed_at += timedelta(seconds=seconds + chance.randint(1, 30))
