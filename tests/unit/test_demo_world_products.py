"""Real products become the products feed: names to read, sizes in units, and a declared use per day."""

from __future__ import annotations

import pandas as pd
import pytest
from test_demo_world_purchases import source_lines

from demo_world.products import package_units, products, readable

PRODUCT_COLUMNS = ["product_id", "department", "product_category", "product_type", "package_size"]


@pytest.mark.parametrize(
    ("till", "read"),
    [
        ("FRZN ICE", "Frozen ice"),
        ("ICE - CRUSHED/CUBED", "Ice - crushed/cubed"),
        ("BREAD:ITALIAN/FRENCH", "Bread: italian/french"),
        ("CAN DOG FOOD (SKIPPY/PEDIGREE/", "Can dog food"),
        ("INSTANT TEA & TEA MIX (W/SUGAR", "Instant tea & tea mix"),
        ("MOLASSES W/SUGAR  PNT BTR", "Molasses with sugar peanut butter"),
        ("DRUG GM", "Drugstore"),
    ],
)
def test_till_texts_become_words(till: str, read: str) -> None:
    """Abbreviations are written out and cut-off brand lists are dropped."""
    assert readable(till) == read


@pytest.mark.parametrize(
    ("size", "units"),
    [
        ("22 LB", (352.0, "oz")),
        ("1/2 GAL", (64.0, "oz")),
        ("GAL", (128.0, "oz")),
        (".5 OZ", (0.5, "oz")),
        ("12 PK/12 OZ", (144.0, "oz")),
        ("16 OZ/4 PK", (64.0, "oz")),
        ("100 CT", (100.0, "ct")),
        ("1 DZ", (12.0, "ct")),
        ("32 LOADS", (32.0, "load")),
        ("83.5 SQ FT", (83.5, "sq ft")),
        ("0 CT", None),
        ("CTN", None),
        ("A D   1 DZ", None),
    ],
)
def test_package_sizes(size: str, units: tuple[float, str] | None) -> None:
    """Sizes that can be read are read into one unit per kind; the rest stays unknown."""
    assert package_units(size) == units


@pytest.fixture
def shelf() -> pd.DataFrame:
    """Six products, sold three times in all, as the products feed."""
    source = pd.DataFrame(
        [
            (5, "GROCERY", "COFFEE", "GROUND COFFEE", "12 OZ"),
            (4, "DRUG GM", "VITAMINS", "VITAMIN - MINERALS", "8 OZ"),
            (3, "DRUG GM", "VITAMINS", "VITAMIN - MINERALS", "100 CT"),
            (2, "GROCERY", "EGGS", "EGGS - LARGE", "1 DZ"),
            (1, "DRUG GM", "TOYS AND GAMES", "DOLLS", None),
            (6, "MISCELLANEOUS", None, None, None),
        ],
        columns=PRODUCT_COLUMNS,
    )
    sold = source_lines(
        (7, 501, 5, 1, 6.00, "2017-06-01 15:00:00"),
        (7, 502, 5, 2, 8.00, "2017-06-02 15:00:00"),
        (7, 503, 5, 0, 0.00, "2017-06-03 15:00:00"),
    )
    return products(source, sold).set_index("product_id")


def test_products_are_named_priced_and_sorted_by_key(shelf: pd.DataFrame) -> None:
    """A name has type and size. The price is the median price paid per unit, and unknown if nothing was sold."""
    assert shelf["name"].to_dict() == {
        "1": "Dolls",
        "2": "Eggs - large, 1 dz",
        "3": "Vitamin - minerals, 100 ct",
        "4": "Vitamin - minerals, 8 oz",
        "5": "Ground coffee, 12 oz",
        "6": "Miscellaneous",
    }
    assert shelf["price"].dropna().to_dict() == {"5": 5.0}
    assert shelf.loc["5", "category"] == "Grocery"
    assert shelf.loc["1", "goods_kind"] == "hard"


def test_daily_use_is_declared_only_where_the_package_counts_the_same_unit(shelf: pd.DataFrame) -> None:
    """Coffee and counted vitamins are declared; eggs and weighed vitamins are left to rhythm."""
    assert shelf["is_consumable"].to_dict() == {
        "1": False, "2": True, "3": True, "4": True, "5": True, "6": False,
    }  # fmt: skip
    assert shelf["daily_use"].dropna().to_dict() == {"3": 1.0, "5": 0.8}
    assert shelf["delivery_days"].dropna().to_dict() == {"3": 1.0, "4": 1.0}
    assert shelf["units_per_pack"].dropna().to_dict() == {"2": 12.0, "3": 100.0, "4": 8.0, "5": 12.0}
