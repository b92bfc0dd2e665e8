"""The facts of the earlier stages, each table whole, as pandas reads them; and moments as reporting days."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.engine import Engine

TABLES = (
    "source.customer", "source.permission_change", "source.permission_rest", "source.former_address", "source.orders",
    "source.order_line", "source.product",
    "source.page_view", "source.review", "source.offer", "source.currency_rate", "installation.campaign",
    "journey.campaign", "journey.epoch", "journey.enrollment", "journey.occurrence", "decision.decision",
    "message.message", "delivery.attempt", "event.event", "event.click", "event.suppression",
)  # fmt: skip


@dataclass
class Facts:
    """Every table that the numbers are made of, by name, and what the roll-up was told."""

    tables: dict[str, pd.DataFrame]
    zone: str
    currency: str | None
    now: dt.datetime

    def __getitem__(self, name: str) -> pd.DataFrame:
        return self.tables[name]

    def rows(self, name: str) -> list[Any]:
        """The rows of a table as named tuples; what is null is None."""
        return list(self.tables[name].itertuples(index=False, name="Row"))

    def has_happened(self, moment: dt.datetime | None) -> bool:
        """Whether a moment is there, and not dated ahead of the roll-up."""
        return moment is not None and moment <= self.now

    def called(self, campaign: str | None) -> str | None:
        """The present name of a campaign that a fact names."""
        known = {row.campaign: row.became for row in self.rows("installation.campaign")}
        return known.get(campaign or "") or campaign

    def bought_again(self) -> list[tuple[int, str, dt.datetime]]:
        """(series, customer, moment) of each line placed of what a series is about: its product, else its type."""
        types = {row.product_id: row.product_type for row in self.rows("source.product")}
        orders = {row.order_id: row for row in self.rows("source.orders") if row.status == "placed"}
        bought: dict[str, list[tuple[str, dt.datetime]]] = {}
        for line in self.rows("source.order_line"):
            order = orders.get(line.order_id)
            if order and line.quantity > 0 and line.product_id in types:
                bought.setdefault(order.customer_id, []).append((line.product_id, order.ordered_at))
        return [
            (series, who, at)
            for series, who, context in self._about()
            for product, at in bought.get(who, [])
            if (context["product_id"] == product if context.get("product_id") is not None
                else types[product] is not None and context.get("product_type") == types[product])
        ]  # fmt: skip

    def _about(self) -> list[tuple[int, str, dict[str, Any]]]:
        """(series, customer, context) of each series, and of each occurrence that it shares or shared."""
        whose = {row.enrollment_id: row.customer_id for row in self.rows("journey.enrollment")}
        found = [(row.enrollment_id, row.context or {}) for row in self.rows("journey.enrollment")]
        for row in self.rows("journey.occurrence"):
            if row.fate in ("enrolled", "joined") and row.enrollment_id in whose:
                found.append((row.enrollment_id, row.context or {}))
        return [(series, whose[series], context) for series, context in found]

    def day(self, moment: dt.datetime | None) -> dt.date | None:
        """The reporting day of a moment."""
        return None if moment is None else moment.astimezone(ZoneInfo(self.zone)).date()


def read(warehouse: Engine, zone: str, currency: str | None, now: dt.datetime) -> Facts:
    """Read the facts as they lie in the database."""
    return Facts({name: table(warehouse, name) for name in TABLES}, zone, currency, now)


def table(warehouse: Engine, name: str) -> pd.DataFrame:
    """A table or view as it is: Python's own values, None for null."""
    with warehouse.connect() as connection:
        found = connection.execute(sa.text(f"select * from {name}"))  # noqa: S608
        return pd.DataFrame([tuple(row) for row in found], columns=list(found.keys()), dtype=object)


def latest(*moments: dt.datetime | None) -> dt.datetime | None:
    """The latest of the moments that there are."""
    return max((one for one in moments if one is not None), default=None)


def earliest(*moments: dt.datetime | None) -> dt.datetime | None:
    """The earliest of the moments that there are."""
    return min((one for one in moments if one is not None), default=None)
