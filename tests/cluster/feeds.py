"""The shop of a run, as feed files: each of the four campaigns has people who belong to it alone.

All people are made up, may be mailed, and live in a zone in which it is noon: no mail waits for its hours. They pay in
three currencies, so a campaign's mails have three shells and a delivery has many requests.
"""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Iterable, Sequence
from pathlib import Path

CURRENCIES = ("EUR", "GBP", "USD")
CAMPAIGNS = ("birthday", "cart_abandoned", "replenishment", "win_back")
CUSTOMERS = "customer_id email created_at first_name timezone country currency birthday permission permission_at"
PRODUCTS = "product_id name price currency is_consumable units_per_pack daily_use"
ORDERS = "order_id customer_id ordered_at total currency"
ORDER_LINES = "order_id line_no product_id quantity unit_price"
CARTS = "cart_id customer_id created_at updated_at status url"
CART_LINES = "cart_id product_id quantity unit_price"


def write_shop(folder: Path, now: dt.datetime, people: int) -> None:
    """Write the feeds of a shop with `people` customers per campaign, as it stands at `now` (aware)."""
    long_ago, hours_ago = _text(now, days=400), _text(now, hours=3)
    bought_at = {"replenishment": _text(now, days=29), "win_back": _text(now, days=120)}
    ids = {campaign: _customer_ids(campaign, people) for campaign in CAMPAIGNS}
    birthday = _birthday(now)
    zone = zone_at_noon(now)
    _write(
        folder / "customers.csv",
        CUSTOMERS,
        (
            [one, f"{one}@example.com", long_ago, "Ada", zone, "GB", CURRENCIES[number % 3],
             birthday if campaign == "birthday" else "", "confirmed", long_ago]
            for campaign in CAMPAIGNS
            for number, one in enumerate(ids[campaign])
        ),
    )  # fmt: skip
    products = [["beans", "Espresso beans", "9.00", "", "true", "30", "1"], ["mug", "A mug", "7.00", "", "", "", ""]]
    _write(folder / "products.csv", PRODUCTS, products)
    orders = [(campaign, one) for campaign in bought_at for one in ids[campaign]]
    _write(folder / "orders.csv", ORDERS, ([f"o-{one}", one, bought_at[c], "9.00", ""] for c, one in orders))
    product = {"replenishment": "beans", "win_back": "mug"}
    _write(folder / "order_lines.csv", ORDER_LINES, ([f"o-{one}", 1, product[c], 1, "9.00"] for c, one in orders))
    url, carts = "https://shop.example.com/cart", ids["cart_abandoned"]
    _write(folder / "carts.csv", CARTS, ([f"c-{one}", one, hours_ago, hours_ago, "open", url] for one in carts))
    lines = ([f"c-{one}", name, 1, "9.00"] for one in carts for name in ("beans", "mug"))
    _write(folder / "cart_lines.csv", CART_LINES, lines)


def write_late_orders(folder: Path, now: dt.datetime, buyers: Iterable[str]) -> None:
    """Write one more file of orders: `buyers` bought at `now`, after their mail was planned."""
    bought = _text(now)
    _write(folder / "orders.late.csv", ORDERS, ([f"late-{one}", one, bought, "9.00", ""] for one in buyers))


def zone_at_noon(now: dt.datetime) -> str:
    """Return an IANA zone in which it is between 12:00 and 13:00 at `now`."""
    return f"Etc/GMT{now.astimezone(dt.UTC).hour - 12:+d}"  # the signs of these zones are the other way round


def _customer_ids(campaign: str, people: int) -> list[str]:
    return [f"{campaign.replace('_', '-')}-{number:05}" for number in range(people)]


def _birthday(now: dt.datetime) -> str:
    """Return a birthday in the month of the campaign's latest period, which ended at 05:00 UTC."""
    period_end = now.astimezone(dt.UTC) - dt.timedelta(hours=5)
    local = dt.datetime.combine(period_end.date(), dt.time(5)) + dt.timedelta(hours=12 - now.astimezone(dt.UTC).hour)
    return f"1988-{local.month:02}-10"


def _text(now: dt.datetime, **before: int) -> str:
    return (now.astimezone(dt.UTC) - dt.timedelta(**before)).isoformat(timespec="seconds")


def _write(file: Path, header: str, rows: Iterable[Sequence[object]]) -> None:
    with file.open("w", newline="") as stream:
        csv.writer(stream).writerows([header.split(), *rows])
