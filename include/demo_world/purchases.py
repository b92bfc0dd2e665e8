"""Real baskets to orders, real purchase lines to order lines, redeemed coupons to offers.

Zero totals, prices and quantities are in the real data and stay. Keys become text.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from demo_world.shop_time import at_shop, moved

CURRENCY = "USD"


def baskets(lines: pd.DataFrame) -> pd.DataFrame:
    """One row a basket, by key: basket_id, household_id, sold_at (UTC without offset), total, lines."""
    grouped = lines.groupby("basket_id", sort=True)
    return grouped.agg(
        household_id=("household_id", "first"),
        sold_at=("transaction_timestamp", "first"),
        total=("sales_value", "sum"),
        lines=("product_id", "size"),
    ).reset_index()


def orders(basket_rows: pd.DataFrame, shift_days: int, carts: dict[int, str]) -> pd.DataFrame:
    """Feed `orders`: one row a basket, times UTC, totals USD; `carts` names the cart of some baskets."""
    ordered_at = moved(basket_rows["sold_at"], shift_days).dt.as_unit("us")
    return pd.DataFrame(
        {
            "order_id": text_keys(basket_rows["basket_id"]),
            "customer_id": text_keys(basket_rows["household_id"]),
            "ordered_at": ordered_at,
            "total": basket_rows["total"].round(2),
            "currency": CURRENCY,
            "cart_id": basket_rows["basket_id"].map(carts).astype("str"),
            "delivered_at": ordered_at,
            "status": "placed",
        }
    )


def order_lines(lines: pd.DataFrame) -> pd.DataFrame:
    """Feed `order_lines`: one row a purchase line; line_no counts from 1 in the file's order of a basket."""
    return pd.DataFrame(
        {
            "order_id": text_keys(lines["basket_id"]),
            "line_no": lines.groupby("basket_id").cumcount() + 1,
            "product_id": text_keys(lines["product_id"]),
            "quantity": lines["quantity"],
            "unit_price": unit_prices(lines),
        }
    )


def unit_prices(lines: pd.DataFrame) -> pd.Series:
    """Price a unit in USD, four decimals: sales value ÷ quantity, or the sales value where quantity is 0."""
    quantity = lines["quantity"].to_numpy()
    divisor = np.where(quantity > 0, quantity, 1)
    return (lines["sales_value"] / divisor).round(4)


def text_keys(keys: pd.Series) -> pd.Series:
    """Whole-number keys as text."""
    return keys.astype("str")


def redeemed_offers(redemptions: pd.DataFrame, campaigns: pd.DataFrame, shift_days: int) -> pd.DataFrame:
    """Feed `offers`: one row a real coupon redeemed; a household's repeats are numbered.

    Valid from midnight of the campaign's first day to the end of its last, redeemed at noon (shop's time).
    """
    rows = redemptions.merge(campaigns, on="campaign_id").sort_values(
        ["household_id", "coupon_upc", "campaign_id", "redemption_date"], kind="stable", ignore_index=True
    )
    key = ["household_id", "coupon_upc", "campaign_id"]
    repeat = text_keys(rows.groupby(key).cumcount() + 1)
    parts = [text_keys(rows[column]) for column in ("campaign_id", "coupon_upc", "household_id")]
    days, noon = pd.Timedelta(days=shift_days), pd.Timedelta(hours=12)
    return pd.DataFrame(
        {
            "offer_code": parts[0] + "-" + parts[1] + "-" + parts[2] + "-" + repeat,
            "customer_id": parts[2],
            "campaign": "coupons " + parts[0],
            "percent": None,
            "valid_from": at_shop(rows["start_date"] + days),
            "valid_until": at_shop(rows["end_date"] + days + pd.Timedelta(hours=23, minutes=59, seconds=59)),
            "redeemed_at": at_shop(rows["redemption_date"] + days + noon),
        }
    )
