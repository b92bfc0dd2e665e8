"""Real baskets, as hand-made frames of the source's shape, become orders, order lines and redeemed offers."""

from __future__ import annotations

import pandas as pd
import pytest

from demo_world.purchases import baskets, order_lines, orders, redeemed_offers

Line = tuple[int, int, int, int, float, str]


def source_lines(*lines: Line) -> pd.DataFrame:
    """Purchase lines as the source has them: household, basket, product, quantity, sales value, time."""
    columns = ["household_id", "basket_id", "product_id", "quantity", "sales_value", "transaction_timestamp"]
    frame = pd.DataFrame(lines, columns=columns)
    return frame.assign(transaction_timestamp=pd.to_datetime(frame["transaction_timestamp"]))


def test_a_basket_becomes_an_order_whose_total_is_the_sum_of_its_sales_values() -> None:
    """One order per basket, with text keys, the household as customer and the till's time as delivery."""
    lines = source_lines(
        (7, 502, 11, 1, 0.10, "2017-06-02 15:00:01"),
        (7, 501, 11, 2, 3.00, "2017-06-01 15:00:00"),
        (7, 502, 12, 1, 0.20, "2017-06-02 15:00:01"),
    )
    found = orders(baskets(lines), 1, {502: "cart-a"})
    at = [pd.Timestamp("2017-06-02 15:00:00+00:00"), pd.Timestamp("2017-06-03 15:00:01+00:00")]
    assert found["order_id"].tolist() == ["501", "502"]
    assert found["customer_id"].tolist() == ["7", "7"]
    assert found["ordered_at"].tolist() == at
    assert found["delivered_at"].tolist() == at
    assert found["total"].tolist() == [3.0, 0.3]
    assert found["cart_id"].isna().tolist() == [True, False]
    assert found["cart_id"].tolist()[1] == "cart-a"
    assert set(found["currency"]) == {"USD"}
    assert set(found["status"]) == {"placed"}


def test_lines_of_the_same_product_stay_apart() -> None:
    """Two lines of one product in one basket keep their own numbers, quantities and prices."""
    lines = source_lines(
        (7, 501, 11, 1, 2.50, "2017-06-01 15:00:00"),
        (8, 502, 11, 1, 2.50, "2017-06-01 15:00:00"),
        (7, 501, 11, 3, 6.00, "2017-06-01 15:00:00"),
    )
    found = order_lines(lines)
    assert list(found.itertuples(index=False, name=None)) == [
        ("501", 1, "11", 1, 2.5),
        ("502", 1, "11", 1, 2.5),
        ("501", 2, "11", 3, 2.0),
    ]


@pytest.mark.parametrize(
    ("quantity", "sales_value", "unit_price"),
    [(3, 1.00, 0.3333), (0, 0.00, 0.0), (0, 1.99, 1.99), (2, 0.00, 0.0), (12_000, 30.00, 0.0025)],
    ids=["four decimals", "returned bottle", "value without quantity", "free", "petrol by the thousandth"],
)
def test_unit_prices_of_odd_lines(quantity: int, sales_value: float, unit_price: float) -> None:
    """A unit price is value ÷ quantity, or the value itself if nothing was counted, and is never negative."""
    lines = source_lines((7, 501, 11, quantity, sales_value, "2017-06-01 15:00:00"))
    assert order_lines(lines)["unit_price"].tolist() == [unit_price]
    assert order_lines(lines)["quantity"].tolist() == [quantity]


def test_a_basket_that_cost_nothing_is_still_an_order() -> None:
    """The source has 478 free baskets; they load like any other."""
    lines = source_lines((7, 501, 11, 0, 0.0, "2017-06-01 15:00:00"))
    assert orders(baskets(lines), 0, {})["total"].tolist() == [0.0]


def test_a_coupon_redeemed_twice_is_two_offers() -> None:
    """Offer codes are unique; an offer is valid on the campaign's first and last day, shop's time."""
    redemptions = pd.DataFrame(
        {
            "household_id": [7, 7],
            "coupon_upc": [99, 99],
            "campaign_id": [3, 3],
            "redemption_date": pd.to_datetime(["2017-07-02", "2017-07-01"]),
        }
    )
    campaigns = pd.DataFrame(
        {
            "campaign_id": [3],
            "start_date": pd.to_datetime(["2017-06-30"]),
            "end_date": pd.to_datetime(["2017-07-05"]),
        }
    )
    found = redeemed_offers(redemptions, campaigns, 1)
    assert found["offer_code"].tolist() == ["3-99-7-1", "3-99-7-2"]
    assert set(found["valid_from"]) == {pd.Timestamp("2017-07-01 04:00:00+00:00")}
    assert set(found["valid_until"]) == {pd.Timestamp("2017-07-07 03:59:59+00:00")}
    assert found["redeemed_at"].tolist() == [
        pd.Timestamp("2017-07-02 16:00:00+00:00"),
        pd.Timestamp("2017-07-03 16:00:00+00:00"),
    ]
