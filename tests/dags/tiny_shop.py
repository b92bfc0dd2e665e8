"""A shop of three customers, as feed files: one left a cart, one bought it, one never said yes."""

from __future__ import annotations

import csv
import datetime as dt
from pathlib import Path

from airflow_world import zone_at_noon

FIRST_NAME = "Žofie-Ångström"


def write_feeds(folder: Path, now: dt.datetime) -> None:
    """Write the feed files of the shop into `folder`, as of `now`."""
    zone = zone_at_noon(now)
    long_ago, two_hours_ago = _text(now - dt.timedelta(days=30)), _text(now - dt.timedelta(hours=2, minutes=5))
    just_now = _text(now - dt.timedelta(hours=1, minutes=59))
    people = (("left-a-cart", "confirmed"), ("bought-it", "confirmed"), ("never-said-yes", "none"))
    _write(
        folder / "customers.csv",
        "customer_id email created_at first_name locale timezone country currency permission permission_at",
        [
            [name, f"{name}@example.com", long_ago, FIRST_NAME, "en-GB", zone, "GB", "GBP", said, long_ago]
            for name, said in people
        ],
    )
    _write(folder / "products.csv", "product_id name price currency", [["tea", "Green tea", "4.50", "GBP"]])
    _write(
        folder / "carts.csv",
        "cart_id customer_id created_at updated_at status url",
        [
            [f"cart-{name}", name, two_hours_ago, two_hours_ago, "open", "https://shop.example.com/cart"]
            for name, _ in people
        ],
    )
    _write(
        folder / "cart_lines.csv",
        "cart_id product_id quantity unit_price",
        [[f"cart-{name}", "tea", "2", "4.50"] for name, _ in people],
    )
    _write(
        folder / "orders.csv",
        "order_id customer_id ordered_at total currency",
        [["order-1", "bought-it", just_now, "9.00", "GBP"]],
    )


def _write(file: Path, header: str, rows: list[list[str]]) -> None:
    with file.open("w", newline="") as stream:
        csv.writer(stream).writerows([header.split(), *rows])


def _text(time: dt.datetime) -> str:
    return time.astimezone(dt.UTC).isoformat(timespec="seconds")
