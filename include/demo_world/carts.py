"""Real baskets told as carts: some held back from the orders and left open, some ordered, some emptied.

An open cart's content is a household's real last basket. That it is a cart, and that it was left yesterday or
the day before, is made up. Carts depend on the day, not on the hour, so a second run on a day changes
nothing; the next day half of the cart holders leave a new one, under a new key.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from random import Random
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from demo_world.chance import generator, uniform
from demo_world.feed_writing import rows_of
from demo_world.purchases import text_keys, unit_prices
from demo_world.shop_time import LAST_PURCHASE, moved, start_of

CART_COLUMNS = ("cart_id", "customer_id", "created_at", "updated_at", "status", "url")
CART_LINE_COLUMNS = ("cart_id", "product_id", "quantity", "unit_price")

# About half of the households qualify (a last basket within 14 days, none in the days just before a cart is
# left), so this share of them is about 12 % of all.
HELD_BACK_OF_ELIGIBLE = 0.235
EMPTIED_A_DAY = 0.015
ORDERED_FROM_CART = 0.02
LATEST_MINUTE = 22 * 60 + 59  # of a UTC day: at the next midnight the cart has been idle for an hour


class Carts(NamedTuple):
    """Feeds `carts` and `cart_lines` as rows, and the cart key of each ordered basket."""

    carts: list[dict[str, Any]]
    lines: pd.DataFrame
    cart_of_basket: dict[int, str]


def held_back(baskets: pd.DataFrame, lines: pd.DataFrame, seed: int) -> pd.DataFrame:
    """The real last baskets that become open carts instead of orders: rows of `baskets`, one a household."""
    newest_first = baskets.sort_values(["sold_at", "basket_id"], ascending=False, ignore_index=True)
    rank = newest_first.groupby("household_id").cumcount()
    last, before = newest_first[rank == 0], newest_first[rank == 1].set_index("household_id")["sold_at"]
    end = pd.Timestamp(LAST_PURCHASE).tz_localize(None)
    quiet_since = last["household_id"].map(before)
    eligible = last["sold_at"] >= end - pd.Timedelta(days=14)
    eligible &= quiet_since <= end - pd.Timedelta(hours=64)
    eligible &= last["basket_id"].isin(worth_a_cart(lines)["basket_id"].unique())
    drawn = uniform(seed, "held back", last["household_id"]) < HELD_BACK_OF_ELIGIBLE
    return last[eligible & drawn].sort_values("household_id", ignore_index=True)


def carts(
    held: pd.DataFrame, baskets: pd.DataFrame, lines: pd.DataFrame, *, today: date, shift_days: int, seed: int
) -> Carts:
    """All carts of the shop on `today` (UTC): open ones from `held`, ordered and emptied from the rest."""
    named = held.assign(left_on=[_left_on(household, today) for household in held["household_id"]])
    named["cart_id"] = [_cart_id(*row) for row in zip(named["basket_id"], named["left_on"], strict=True)]
    ordered = _ordered(baskets, lines, shift_days, seed)
    rows = [_open_cart(row, seed) for row in rows_of(named)]
    rows += _ordered_carts(ordered, seed) + _emptied_carts(baskets, held, today, seed)
    cart_of_basket = dict(zip(ordered["basket_id"], ordered["cart_id"], strict=True))
    every = cart_of_basket | dict(zip(named["basket_id"], named["cart_id"], strict=True))
    return Carts(rows, _cart_lines(lines, every), cart_of_basket)


def worth_a_cart(lines: pd.DataFrame) -> pd.DataFrame:
    """Return the lines that could be in a web cart: whole pieces with a price, no petrol by the thousandth."""
    return lines[lines["quantity"].between(1, 99) & (lines["sales_value"] > 0)]


def _cart_lines(lines: pd.DataFrame, cart_of_basket: dict[int, str]) -> pd.DataFrame:
    chosen = worth_a_cart(lines[lines["basket_id"].isin(list(cart_of_basket))])
    cart_lines = pd.DataFrame(
        {
            "cart_id": chosen["basket_id"].map(cart_of_basket),
            "product_id": text_keys(chosen["product_id"]),
            "quantity": chosen["quantity"],
            "unit_price": unit_prices(chosen),
        }
    )
    key = ["cart_id", "product_id"]
    return cart_lines.drop_duplicates(key).sort_values(key, ignore_index=True)


def _left_on(household: int, today: date) -> date:
    """Yesterday or the day before: half of the cart holders on each day, and the other half on the next."""
    yesterday = today - timedelta(days=1)
    return yesterday - timedelta(days=(yesterday.toordinal() + household) % 2)


def _cart_id(basket: int, left_on: date) -> str:
    return f"{basket}-{left_on:%Y%m%d}"


def _open_cart(row: dict[str, Any], seed: int) -> dict[str, Any]:
    return _left_cart(row["cart_id"], row["household_id"], row["left_on"], "open", seed)


def _left_cart(cart_id: str, household: int, left_on: date, status: str, seed: int) -> dict[str, Any]:
    chance = generator(seed, "cart", cart_id)
    updated_at = start_of(left_on) + timedelta(minutes=chance.randint(0, LATEST_MINUTE))
    return _cart(cart_id, household, updated_at, status, chance.randint(3, 90))


def _cart(cart_id: str, household: int, updated_at: datetime, status: str, minutes: int) -> dict[str, Any]:
    return {
        "cart_id": cart_id,
        "customer_id": str(household),
        "created_at": updated_at - timedelta(minutes=minutes),
        "updated_at": updated_at,
        "status": status,
        "url": f"https://shop.example.com/carts/{cart_id}",
    }


def _ordered(baskets: pd.DataFrame, lines: pd.DataFrame, shift_days: int, seed: int) -> pd.DataFrame:
    """Baskets of the last 30 days said to come from a cart, with cart_id and ordered_at (UTC)."""
    end = pd.Timestamp(LAST_PURCHASE).tz_localize(None)
    recent = baskets[baskets["sold_at"] >= end - pd.Timedelta(days=30)]
    recent = recent[recent["basket_id"].isin(worth_a_cart(lines)["basket_id"])]
    chosen = recent[uniform(seed, "ordered cart", recent["basket_id"]) < ORDERED_FROM_CART]
    ordered_at = moved(chosen["sold_at"], shift_days)
    return chosen.assign(cart_id=text_keys(chosen["basket_id"]), ordered_at=ordered_at)


def _ordered_carts(ordered: pd.DataFrame, seed: int) -> list[dict[str, Any]]:
    return [_ordered_cart(row, generator(seed, "cart", row["cart_id"])) for row in rows_of(ordered)]


def _ordered_cart(row: dict[str, Any], chance: Random) -> dict[str, Any]:
    ordered_at = row["ordered_at"].to_pydatetime()
    return _cart(row["cart_id"], row["household_id"], ordered_at, "ordered", chance.randint(3, 90))


def _emptied_carts(baskets: pd.DataFrame, held: pd.DataFrame, today: date, seed: int) -> list[dict[str, Any]]:
    """Carts emptied yesterday or the day before, by households without an open one; they have no lines."""
    others = np.setdiff1d(baskets["household_id"].unique(), held["household_id"])
    rows = []
    for day in (today - timedelta(days=2), today - timedelta(days=1)):
        emptied = others[uniform(seed, f"emptied cart {day}", others) < EMPTIED_A_DAY]
        rows += [_left_cart(f"{home}-emptied-{day:%Y%m%d}", home, day, "emptied", seed) for home in emptied]
    return rows
