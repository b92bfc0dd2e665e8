"""Real products to the feed `products`: readable names, package sizes in units, and what is used up how fast.

The package size, the department and the prices are real. Which categories count as consumable, how much a
day is used and how long delivery takes is declared here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd

from demo_world.purchases import CURRENCY, text_keys, unit_prices


@dataclass(frozen=True)
class DailyUse:
    """How a kind of product is used up: `units` a day of `unit`, delivered in `delivery_days` days."""

    category: str
    types: str  # regular expression on the start of the product type
    unit: str
    units: float
    delivery_days: float | None = None


DECLARED = (
    DailyUse("FLUID MILK PRODUCTS", "FLUID MILK WHITE ONLY", "oz", 8),
    DailyUse("COFFEE", "GROUND|REGULAR BEAN|FLAVORED BEAN", "oz", 0.8),
    DailyUse("DOG FOODS", "DRY DOG", "oz", 8, delivery_days=2),
    DailyUse("CAT FOOD", "DRY CAT", "oz", 2.5, delivery_days=2),
    DailyUse("CAT FOOD", "CANNED CAT|CAN CATFD", "oz", 5.5, delivery_days=2),
    DailyUse("CAT LITTER", "SCOOP|CONVENTIONAL|ALTERNATIVE", "oz", 9.5, delivery_days=2),
    DailyUse("DIAPERS & DISPOSABLES", "BABY DIAPERS", "ct", 5, delivery_days=1),
    DailyUse("INFANT FORMULA", "INFANT FORMULA", "oz", 4, delivery_days=1),
    DailyUse("VITAMINS", "VITAMIN", "ct", 1, delivery_days=1),
    DailyUse("NATURAL VITAMINS", ".", "ct", 1, delivery_days=1),
    DailyUse("LAUNDRY DETERGENTS", ".", "load", 1),
    DailyUse("TEAS", "TEA BAGS", "ct", 2),
)

CONSUMABLE_CATEGORIES = {use.category for use in DECLARED} | {
    "ADULT INCONTINENCE", "BABY FOODS", "BATH TISSUES", "BIRD SEED", "COFFEE FILTERS", "DEODORANTS",
    "DIETARY AID PRODUCTS", "DISHWASH DETERGENTS", "EGGS", "FACIAL TISS/DNR NAPKIN", "FD WRAPS/BAGS/TRSH BG",
    "FEMININE HYGIENE", "HAIR CARE PRODUCTS", "LAUNDRY ADDITIVES", "ORAL HYGIENE PRODUCTS", "PAPER TOWELS",
    "SHAVING CARE PRODUCTS", "SOAP - LIQUID & BAR",
}  # fmt: skip

HARD_GOODS = re.compile(
    r"APPLIANCES|AUDIO|AUTOMOTIVE|COOKWARE|ELECTRICAL|FURNISHINGS|GADGETS|GLASSWARE|HARDWARE|"
    r"PLASTIC HOUSEWARES|TOYS|WATCHES|BROOMS|DOMESTIC GOODS|HARD GOODS"
)

ABBREVIATIONS = {
    "asst": "assorted", "bkd": "baked", "brkfst": "breakfast", "brkfast": "breakfast", "btr": "butter",
    "catfd": "cat food", "cleang": "cleaning", "cntrl": "control", "conc": "concentrate",
    "decaf": "decaffeinated", "decaffinated": "decaffeinated", "dnr": "dinner", "dogfd": "dog food",
    "drnk": "drink", "drnks": "drinks", "drsng": "dressing", "fd": "food", "fem": "feminine",
    "flvr": "flavored", "flvrd": "flavored", "frsh": "fresh", "frzn": "frozen", "frz": "frozen",
    "gm": "general merchandise", "hygn": "hygiene", "jce": "juice", "liq": "liquid", "liqs": "liquids",
    "misc": "assorted", "mxs": "mixes", "ntrtnl": "nutritional", "pkg": "packaged", "pckgd": "packaged",
    "pkgd": "packaged", "pkld": "pickled", "pnt": "peanut", "prem": "premium", "pwdr": "powder",
    "refrgratd": "refrigerated", "reg": "regular", "sald": "salad", "sndwch": "sandwich", "snks": "snacks",
    "sprd": "spread", "stk": "stick", "sup": "super", "supp": "supplement",
    "swe": "sweetener", "swee": "sweetener",
    "tiss": "tissue", "trsh": "trash", "veg": "vegetable", "w": "with", "wtr": "water",
}  # fmt: skip

SPELLED_OUT = {
    "BEERALEMALT LIQUORS": "Beer, ale and malt liquors",
    "DRUG GM": "Drugstore",
    "FLUID MILK WHITE ONLY": "White milk",
    "YOGURT NOT MULTI-PACKS": "Yogurt",
}

UNITS = {
    "FL OZ": ("oz", 1.0), "OZ": ("oz", 1.0), "Z": ("oz", 1.0), "LB": ("oz", 16.0), "GAL": ("oz", 128.0),
    "GA": ("oz", 128.0), "QT": ("oz", 32.0), "PT": ("oz", 16.0), "L": ("oz", 33.814), "ML": ("oz", 0.033814),
    "CT": ("ct", 1.0), "PK": ("ct", 1.0), "PC": ("ct", 1.0), "DZ": ("ct", 12.0), "DOZ": ("ct", 12.0),
    "LOADS": ("load", 1.0), "LOAD": ("load", 1.0), "LD": ("load", 1.0), "SQ FT": ("sq ft", 1.0),
}  # fmt: skip
UNIT_PATTERN = "|".join(sorted(UNITS, key=len, reverse=True))
SINGLE_SIZE = re.compile(rf"(\d+/\d+|\d*\.?\d+)?\s*({UNIT_PATTERN})")
MULTI_SIZES = (
    re.compile(rf"(?P<packs>\d+)\s*(?:PK|CT|P)[\s/]+(?P<size>\d*\.?\d+\s*(?:{UNIT_PATTERN}))"),
    re.compile(rf"(?P<size>\d*\.?\d+\s*(?:{UNIT_PATTERN}))[\s/]+(?P<packs>\d+)\s*PK"),
)


def products(source_products: pd.DataFrame, lines: pd.DataFrame) -> pd.DataFrame:
    """Return feed `products`: one row per product, by key; prices USD, empty if it never sold by the unit."""
    rows = source_products.sort_values("product_id", ignore_index=True)
    sizes = _sizes(rows["package_size"])
    return pd.DataFrame(
        {
            "product_id": text_keys(rows["product_id"]),
            "name": _names(rows, sizes),
            "product_type": _readable(rows["product_type"]),
            "category": _readable(rows["department"]),
            "price": rows["product_id"].map(median_prices(lines)),
            "currency": CURRENCY,
            "is_consumable": rows["product_category"].isin(CONSUMABLE_CATEGORIES),
            "units_per_pack": sizes["amount"],
            **_declared(rows, sizes),
            "goods_kind": np.where(rows["product_category"].str.contains(HARD_GOODS, na=False), "hard", "soft"),
            "url": "https://shop.example.com/products/" + text_keys(rows["product_id"]),
        }
    )


def median_prices(lines: pd.DataFrame) -> pd.Series:
    """Median unit price paid, USD, by product; lines of quantity 0 say nothing about a price."""
    sold = lines[lines["quantity"] > 0]
    return unit_prices(sold).groupby(sold["product_id"]).median().round(2)


def readable(text: str) -> str:
    """A till's capitals as words: abbreviations written out, brand lists in brackets dropped."""
    if text in SPELLED_OUT:
        return SPELLED_OUT[text]
    words = re.sub(r"\(.*", "", text.lower()).replace(":", ": ")
    words = re.sub(r"[a-z]+", lambda word: ABBREVIATIONS.get(word[0], word[0]), words)
    words = re.sub(r"\s+", " ", words).replace("with/", "with ").strip(" -/.")
    return words[:1].upper() + words[1:]


def package_units(size: str) -> tuple[float, str] | None:
    """Return amount and unit of a package size such as '1/2 GAL' or '12 PK/12 OZ'; None if it cannot be read.

    Units are oz (weight or fluid, litres and gallons converted), ct, load and sq ft.
    """
    for pattern in MULTI_SIZES:
        if many := pattern.fullmatch(size.strip()):
            one = package_units(many["size"])
            return (int(many["packs"]) * one[0], one[1]) if one else None
    single = SINGLE_SIZE.fullmatch(size.strip())
    if single is None:
        return None
    unit, factor = UNITS[single[2]]
    amount = _number(single[1] or "1") * factor
    return (round(amount, 4), unit) if amount > 0 else None


def _number(text: str) -> float:
    above, _, below = text.partition("/")
    return float(above) / float(below) if below and float(below) else float(above)


def _sizes(sizes: pd.Series) -> pd.DataFrame:
    """Columns amount and unit a product, empty where the size cannot be read."""
    read = {size: package_units(size) for size in sizes.dropna().unique()}
    amounts = {size: units[0] for size, units in read.items() if units}
    units = {size: units[1] for size, units in read.items() if units}
    return pd.DataFrame({"amount": sizes.map(amounts).astype("float64"), "unit": sizes.map(units).astype("str")})


def _readable(texts: pd.Series) -> pd.Series:
    return texts.map({text: readable(text) for text in texts.dropna().unique()}).astype("str")


def _names(rows: pd.DataFrame, sizes: pd.DataFrame) -> pd.Series:
    kind = rows["product_type"].fillna(rows["product_category"]).fillna(rows["department"])
    size = (", " + rows["package_size"].str.strip().str.lower()).where(sizes["amount"].notna(), "")
    return _readable(kind) + size


def _declared(rows: pd.DataFrame, sizes: pd.DataFrame) -> dict[str, pd.Series]:
    """Columns daily_use and delivery_days; daily use only where the package is counted in the same unit."""
    daily = pd.Series(np.nan, index=rows.index)
    delivery = pd.Series(np.nan, index=rows.index)
    for use in DECLARED:
        kind = (rows["product_category"] == use.category) & rows["product_type"].str.match(use.types, na=False)
        daily[kind & (sizes["unit"] == use.unit)] = use.units
        if use.delivery_days is not None:
            delivery[kind] = use.delivery_days
    return {"daily_use": daily, "delivery_days": delivery}
