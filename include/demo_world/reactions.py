"""What the shop's customers did after the mails: made-up orders, of real baskets, one more delivery of feeds.

Some of those who clicked buy, and a few of everybody else, held out or not. The conversion and the lift
that the demo shows follow from the two shares below and say nothing about real mail.
"""

from __future__ import annotations

import csv
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from demo_world.carts import CART_COLUMNS, worth_a_cart
from demo_world.chance import generator
from demo_world.feed_writing import rows_of, write_csv
from demo_world.purchases import CURRENCY, text_keys, unit_prices
from demo_world.source import LINE_COLUMNS, read_table
from demo_world.world import ORDER_LINE_COLUMNS

CLICKERS_WHO_BUY = 0.35
OTHERS_WHO_BUY = 0.02
MEDIAN_MINUTES_TO_ORDER = 30.0
ORDER_COLUMNS = (
    "order_id", "customer_id", "ordered_at", "total", "currency", "cart_id", "status",
)  # fmt: skip


@dataclass(frozen=True)
class ReactionCounts:
    """Orders written, by who placed them, and their sum in USD."""

    orders_by_clickers: int
    orders_by_others: int
    revenue: float


Lines = list[dict[str, Any]]


@dataclass(frozen=True)
class Buyer:
    """A customer who buys, because of a click or anyway; `since` is the click or the enrollment (UTC)."""

    customer_id: str
    since: datetime
    ordered_at: datetime
    clicked: bool

    @property
    def order_id(self) -> str:
        return f"R-{self.customer_id}-{self.since:%Y%m%d%H%M%S}"


@dataclass(frozen=True)
class Content:
    """What is bought: lines with product_id, quantity and unit_price (USD), and the cart they come from."""

    cart: dict[str, str] | None
    lines: Lines


def write_reactions(
    folder: Path,
    clickers: Iterable[tuple[str, datetime]],
    enrolled: Iterable[tuple[str, str, datetime]],
    now: datetime,
    seed: int = 7,
    *,
    world: Path | None = None,
) -> ReactionCounts:
    """Write the orders of the hours after the mails: orders, order_lines and carts.reactions.csv.

    The names sort after the world's own files, so that a load of both leaves a bought cart ordered.

    clickers: customer_id and the time of a click; enrolled: customer_id, arm and the time of enrollment,
    held-out arms included. A customer buys once at most, after the first click or the last enrollment and
    not after `now`. world: the folder `write_world` wrote to, `folder` itself by default. A customer who left a cart
    open there buys its content; all others buy an earlier real basket again; customers with neither buy
    nothing. Called again with more clicks, the orders written before come again under the same keys.
    """
    folder.mkdir(parents=True, exist_ok=True)
    bought = buyers(clickers, enrolled, now, seed)
    contents = _contents(bought, world or folder, seed)
    bought = [buyer for buyer in bought if buyer.customer_id in contents]
    orders = [_order(buyer, contents[buyer.customer_id]) for buyer in bought]
    lines = [line for buyer in bought for line in _order_lines(buyer, contents[buyer.customer_id])]
    ordered = [_ordered_cart(buyer, cart) for buyer in bought if (cart := contents[buyer.customer_id].cart)]
    write_csv(folder / "orders.reactions.csv", ORDER_COLUMNS, orders)
    write_csv(folder / "order_lines.reactions.csv", ORDER_LINE_COLUMNS, lines)
    write_csv(folder / "carts.reactions.csv", CART_COLUMNS, ordered)
    by_clickers = sum(buyer.clicked for buyer in bought)
    revenue = round(sum(order["total"] for order in orders), 2)
    return ReactionCounts(by_clickers, len(bought) - by_clickers, revenue)


def buyers(
    clickers: Iterable[tuple[str, datetime]],
    enrolled: Iterable[tuple[str, str, datetime]],
    now: datetime,
    seed: int,
) -> list[Buyer]:
    """Who buys and when, by customer key: a share of those who clicked, a small one of everybody else."""
    first_click: dict[str, datetime] = {}
    for customer, clicked_at in clickers:
        if clicked_at < now:
            first_click[customer] = min(clicked_at, first_click.get(customer, clicked_at))
    enrolled_at: dict[str, datetime] = {}
    for customer, _, at in enrolled:
        if at < now and customer not in first_click:
            enrolled_at[customer] = max(at, enrolled_at.get(customer, at))
    drawn = [_buyer(customer, since, now, CLICKERS_WHO_BUY, seed) for customer, since in first_click.items()]
    drawn += [_buyer(customer, since, now, OTHERS_WHO_BUY, seed) for customer, since in enrolled_at.items()]
    return sorted((buyer for buyer in drawn if buyer), key=lambda buyer: buyer.customer_id)


def _buyer(customer: str, since: datetime, now: datetime, share: float, seed: int) -> Buyer | None:
    chance = generator(seed, "reaction", customer)
    if chance.random() >= share:
        return None
    delay = timedelta(minutes=chance.expovariate(math.log(2) / MEDIAN_MINUTES_TO_ORDER))
    fraction = chance.uniform(0.1, 1)
    ordered_at = since + (delay if since + delay <= now else (now - since) * fraction)
    return Buyer(customer, since, ordered_at.astimezone(UTC), share == CLICKERS_WHO_BUY)


def _contents(bought: list[Buyer], world: Path, seed: int) -> dict[str, Content]:
    """What each buyer buys: the open cart, else an earlier basket; a buyer with neither is missing."""
    customers = {buyer.customer_id for buyer in bought}
    return _baskets_again(customers, seed) | _open_carts(customers, world)


def _open_carts(customers: set[str], world: Path) -> dict[str, Content]:
    if not (world / "carts.csv").exists():
        return {}
    lines: dict[str, Lines] = defaultdict(list)
    for line in _read_csv(world / "cart_lines.csv"):
        priced = {"quantity": int(line["quantity"]), "unit_price": float(line["unit_price"])}
        lines[line["cart_id"]].append({"product_id": line["product_id"]} | priced)
    carts = {cart["customer_id"]: cart for cart in _read_csv(world / "carts.csv") if cart["status"] == "open"}
    return {key: Content(carts[key], lines[carts[key]["cart_id"]]) for key in customers & carts.keys()}


def _read_csv(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        yield from csv.DictReader(stream)


def _baskets_again(customers: set[str], seed: int) -> dict[str, Content]:
    households = [int(customer) for customer in customers if customer.isdecimal()]
    lines = worth_a_cart(read_table("transactions", LINE_COLUMNS))
    lines = lines[lines["household_id"].isin(households)]
    return {str(household): _one_basket(rows, seed) for household, rows in lines.groupby("household_id")}


def _one_basket(lines: pd.DataFrame, seed: int) -> Content:
    household = lines["household_id"].iloc[0]
    chosen = generator(seed, "basket again", household).choice(sorted(lines["basket_id"].unique()))
    rows = lines[lines["basket_id"] == chosen]
    keyed = rows.assign(product_id=text_keys(rows["product_id"]), unit_price=unit_prices(rows))
    return Content(None, list(rows_of(keyed[["product_id", "quantity", "unit_price"]])))


def _order(buyer: Buyer, content: Content) -> dict[str, Any]:
    return {
        "order_id": buyer.order_id,
        "customer_id": buyer.customer_id,
        "ordered_at": buyer.ordered_at,
        "total": round(sum(line["quantity"] * line["unit_price"] for line in content.lines), 2),
        "currency": CURRENCY,
        "cart_id": content.cart["cart_id"] if content.cart else None,
        "status": "placed",
    }


def _order_lines(buyer: Buyer, content: Content) -> Lines:
    numbered = enumerate(content.lines, start=1)
    return [{"order_id": buyer.order_id, "line_no": number} | line for number, line in numbered]


def _ordered_cart(buyer: Buyer, cart: dict[str, str]) -> dict[str, Any]:
    return cart | {"updated_at": buyer.ordered_at, "status": "ordered"}
