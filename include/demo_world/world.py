"""The whole world in one folder: reads the real data, makes up the rest, writes one file a feed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from demo_world import bookings, voices
from demo_world.carts import CART_COLUMNS, CART_LINE_COLUMNS, Carts, carts, held_back
from demo_world.feed_writing import rows_of, write_csv, write_ndjson, write_parquet
from demo_world.newcomers import ORDER_COLUMNS, Newcomers, newcomers
from demo_world.partner_export import partner_customers, partner_order_lines
from demo_world.people import CUSTOMER_COLUMNS, customers
from demo_world.products import products
from demo_world.purchases import baskets, order_lines, orders, redeemed_offers
from demo_world.shop_time import last_purchase, moved
from demo_world.source import Source, read_source
from demo_world.visits import page_views

MADE_UP_FEEDS = frozenset(
    {"carts", "page_views", "lead_actions", "reviews", "occasions", "registrations", "contracts", "referrals"}
)
"""Feeds without a real row; README.md says what is made up in the others."""
ORDER_LINE_COLUMNS = ("order_id", "line_no", "product_id", "quantity", "unit_price")


class FileWritten(NamedTuple):
    """One file of the world: its name, its rows, and the seconds it took to make and write."""

    file: str
    rows: int
    seconds: float


@dataclass(frozen=True)
class World:
    """What every feed is made from: the real data, moved, and the choices that feeds must agree on.

    all_baskets: every real basket. baskets, lines: those that stay orders. shop_carts: the carts of the rest.
    people: customers as rows. new: those who came in the last three days.
    until: the last real purchase (UTC), the end of the made-up history as well.
    """

    source: Source
    today: date
    shift_days: int
    seed: int
    until: datetime
    all_baskets: pd.DataFrame
    baskets: pd.DataFrame
    lines: pd.DataFrame
    shop_carts: Carts
    people: list[dict[str, Any]]
    new: Newcomers


def write_world(
    folder: Path,
    *,
    today: date,
    shift_days: int,
    seed: int = 7,
    households: int | None = None,
    progress: Callable[[FileWritten], None] | None = None,
) -> list[FileWritten]:
    """Write every feed file of the demo's shop into the folder, as the shop stands on `today` (UTC).

    shift_days: whole days the history is moved, from `shift_for` on the first run and unchanged later.
    households: only that many, by key. progress: called after each file.
    The same arguments write the same bytes. Times in the files are UTC with offset; money is USD.
    """
    folder.mkdir(parents=True, exist_ok=True)
    world = make_world(read_source(households), today=today, shift_days=shift_days, seed=seed)
    written = []
    for file, write in WRITERS.items():
        started = time.monotonic()
        rows = write(folder / file, world)
        written.append(FileWritten(file, rows, time.monotonic() - started))
        if progress is not None:
            progress(written[-1])
    return written


def make_world(source: Source, *, today: date, shift_days: int, seed: int) -> World:
    """Move the real data and make the choices that several feeds share."""
    every = baskets(source.lines)
    held = held_back(every, source.lines, seed)
    kept = every[~every["basket_id"].isin(held["basket_id"])].reset_index(drop=True)
    lines = source.lines[~source.lines["basket_id"].isin(held["basket_id"])].reset_index(drop=True)
    shop_carts = carts(held, kept, source.lines, today=today, shift_days=shift_days, seed=seed)
    until = last_purchase(shift_days)
    firsts = every.groupby("household_id")["sold_at"].min()
    people = list(customers(moved(firsts, shift_days), until, seed))
    new = newcomers(_prices(source), today=today, seed=seed)
    return World(source, today, shift_days, seed, until, every, kept, lines, shop_carts, people, new)


def _prices(source: Source) -> list[tuple[str, float]]:
    """Return products that newcomers may buy: every fiftieth that costs something, with its price."""
    shelf = products(source.products, source.lines)
    chosen = shelf[shelf["price"] > 0][["product_id", "price"]].iloc[::50]
    prices = chosen["price"].astype(float).round(2).tolist()
    return list(zip(chosen["product_id"].astype(str).tolist(), prices, strict=True))


def _write_customers(path: Path, world: World) -> int:
    return write_csv(path, CUSTOMER_COLUMNS, world.people)


def _write_products(path: Path, world: World) -> int:
    return write_parquet(path, products(world.source.products, world.source.lines))


def _write_orders(path: Path, world: World) -> int:
    return write_parquet(path, orders(world.baskets, world.shift_days, world.shop_carts.cart_of_basket))


def _write_order_lines(path: Path, world: World) -> int:
    return write_parquet(path, order_lines(world.lines))


def _write_carts(path: Path, world: World) -> int:
    return write_csv(path, CART_COLUMNS, world.shop_carts.carts)


def _write_cart_lines(path: Path, world: World) -> int:
    return write_csv(path, CART_LINE_COLUMNS, rows_of(world.shop_carts.lines))


def _write_page_views(path: Path, world: World) -> int:
    views = page_views(world.baskets, world.lines, today=world.today, shift_days=world.shift_days, seed=world.seed)
    return write_ndjson(path, views)


def _write_lead_actions(path: Path, world: World) -> int:
    return write_ndjson(path, voices.lead_actions(world.people, world.until, world.seed))


def _write_reviews(path: Path, world: World) -> int:
    said = voices.reviews(world.baskets, world.lines, shift_days=world.shift_days, until=world.until, seed=world.seed)
    return write_csv(path, voices.REVIEW_COLUMNS, said)


def _write_offers(path: Path, world: World) -> int:
    return write_csv(path, voices.OFFER_COLUMNS, _offers(world))


def _offers(world: World) -> Iterator[dict[str, Any]]:
    yield from rows_of(redeemed_offers(world.source.redemptions, world.source.campaigns, world.shift_days))
    yield from voices.unspent_offers(world.people, world.until, world.seed)


def _write_partner_customers(path: Path, world: World) -> int:
    return write_csv(path, CUSTOMER_COLUMNS, partner_customers(world.until.date()))


def _write_partner_order_lines(path: Path, _world: World) -> int:
    return write_csv(path, ORDER_LINE_COLUMNS, partner_order_lines())


def _write_occasions(path: Path, world: World) -> int:
    return write_csv(path, bookings.OCCASION_COLUMNS, bookings.occasions(world.today))


def _write_registrations(path: Path, world: World) -> int:
    rows = bookings.registrations(world.people, world.today, world.seed)
    return write_csv(path, bookings.REGISTRATION_COLUMNS, rows)


def _write_contracts(path: Path, world: World) -> int:
    return write_csv(path, bookings.CONTRACT_COLUMNS, bookings.contracts(world.people, world.until, world.seed))


def _write_referrals(path: Path, world: World) -> int:
    return write_csv(path, bookings.REFERRAL_COLUMNS, bookings.referrals(world.people, world.until, world.seed))


WRITERS: dict[str, Callable[[Path, World], int]] = {
    "customers.csv": _write_customers,
    "products.parquet": _write_products,
    "orders.parquet": _write_orders,
    "order_lines.parquet": _write_order_lines,
    "carts.csv": _write_carts,
    "cart_lines.csv": _write_cart_lines,
    "page_views.ndjson": _write_page_views,
    "lead_actions.ndjson": _write_lead_actions,
    "reviews.csv": _write_reviews,
    "offers.csv": _write_offers,
    "occasions.csv": _write_occasions,
    "registrations.csv": _write_registrations,
    "contracts.csv": _write_contracts,
    "referrals.csv": _write_referrals,
    "customers-newcomers.csv": lambda path, world: write_csv(path, CUSTOMER_COLUMNS, world.new.customers),
    "orders-newcomers.csv": lambda path, world: write_csv(path, ORDER_COLUMNS, world.new.orders),
    "order_lines-newcomers.csv": lambda path, world: write_csv(path, ORDER_LINE_COLUMNS, world.new.order_lines),
    "lead_actions-newcomers.ndjson": lambda path, world: write_ndjson(path, world.new.lead_actions),
    "page_views-newcomers.ndjson": lambda path, world: write_ndjson(path, world.new.page_views),
    "customers-partner-export.csv": _write_partner_customers,
    "order_lines-partner-export.csv": _write_partner_order_lines,
}
