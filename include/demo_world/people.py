"""Made-up people for real households: their names, addresses, places and permissions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from random import Random
from typing import Any, NamedTuple, TypeVar

import pandas as pd

from demo_world.chance import generator
from demo_world.names import NAMES_BY_LANGUAGE
from demo_world.purchases import CURRENCY
from demo_world.shop_time import whole_second

Choice = TypeVar("Choice")

CUSTOMER_COLUMNS = (
    "customer_id", "email", "created_at", "first_name", "last_name", "locale", "timezone", "country",
    "currency", "birthday", "signup_source", "permission", "permission_at",
)  # fmt: skip


class Place(NamedTuple):
    """Where a share of the customers lives; weights are relative."""

    weight: int
    country: str
    timezone: str
    locale: str


PLACES = (
    Place(12, "US", "America/New_York", "en-US"), Place(7, "US", "America/Chicago", "en-US"),
    Place(3, "US", "America/Denver", "en-US"), Place(9, "US", "America/Los_Angeles", "en-US"),
    Place(3, "US", "Pacific/Honolulu", "en-US"), Place(1, "CA", "America/St_Johns", "en-CA"),
    Place(2, "BR", "America/Sao_Paulo", "en-BR"), Place(2, "CL", "America/Santiago", "en-CL"),
    Place(7, "GB", "Europe/London", "en-GB"), Place(2, "IE", "Europe/Dublin", "en-IE"),
    Place(2, "DE", "Europe/Berlin", "en-DE"), Place(3, "IN", "Asia/Kolkata", "en-IN"),
    Place(1, "NP", "Asia/Kathmandu", "en-NP"), Place(5, "AU", "Australia/Sydney", "en-AU"),
    Place(1, "AU", "Australia/Adelaide", "en-AU"), Place(3, "NZ", "Pacific/Auckland", "en-NZ"),
    Place(10, "TH", "Asia/Bangkok", "th-TH"), Place(7, "IR", "Asia/Tehran", "fa-IR"),
    Place(1, "US", "America/Los_Angeles", "fa-IR"), Place(8, "IL", "Asia/Jerusalem", "he-IL"),
    Place(7, "TW", "Asia/Taipei", "zh-Hant-TW"), Place(4, "HK", "Asia/Hong_Kong", "zh-Hant-HK"),
)  # fmt: skip
PERMISSIONS = {"confirmed": 82, "none": 8, "pending": 5, "withdrawn": 5}
SIGNUP_SOURCES = {"checkout": 45, "till": 20, "newsletter": 20, "app": 10, "friend": 5}
NO_BIRTHDAY, LEAP_BIRTHDAY, NO_TIMEZONE = 0.05, 0.005, 0.01
FIRST_BIRTH_YEAR, LAST_BIRTH_YEAR = 1940, 2006


def customers(first_orders: pd.Series, until: datetime, seed: int) -> Iterator[dict[str, Any]]:
    """Feed `customers`: one row a household, by key; times UTC.

    first_orders: a household's first real purchase (UTC), indexed by household key.
    until: the newest moment a permission may carry, the last real purchase (UTC).
    """
    for household, first_order in first_orders.sort_index().items():
        yield _customer(household, first_order.to_pydatetime(), until, generator(seed, "customer", household))


def _customer(household: Any, first_order: datetime, until: datetime, chance: Random) -> dict[str, Any]:
    known = identity(str(household), chance)
    plus = "+shop" if chance.random() < 0.02 else ""
    created_at = whole_second(first_order - timedelta(days=chance.uniform(0, 700), minutes=5))
    permission = pick(chance, PERMISSIONS)
    return {
        **known,
        "email": known["email"].replace("@", f"{plus}@"),
        "created_at": created_at,
        "timezone": None if chance.random() < NO_TIMEZONE else known["timezone"],
        "birthday": birthday(chance),
        "signup_source": pick(chance, SIGNUP_SOURCES),
        "permission": permission,
        "permission_at": _permission_at(permission, created_at, until, chance),
    }


def identity(customer_id: str, chance: Random) -> dict[str, Any]:
    """A name of the place that the person lives in, an address made of both, and what the place says."""
    place = pick(chance, {place: place.weight for place in PLACES})
    first, last = (chance.choice(names) for names in NAMES_BY_LANGUAGE[place.locale[:2]])
    return {
        "customer_id": customer_id,
        "email": f"{first[1]}.{last[1]}.{customer_id.lower()}@example.com",
        "first_name": first[0],
        "last_name": last[0],
        "locale": place.locale,
        "timezone": place.timezone,
        "country": place.country,
        "currency": CURRENCY,
    }


def birthday(chance: Random) -> date | None:
    """A day spread over the whole year; some on 29 February, some not known."""
    drawn = chance.random()
    if drawn < NO_BIRTHDAY:
        return None
    if drawn < NO_BIRTHDAY + LEAP_BIRTHDAY:
        return date(chance.randrange(1940, 2005, 4), 2, 29)
    start = date(chance.randint(FIRST_BIRTH_YEAR, LAST_BIRTH_YEAR), 1, 1)
    return start + timedelta(days=chance.randrange(365))


def _permission_at(permission: str, created_at: datetime, until: datetime, chance: Random) -> datetime | None:
    if permission == "none":
        return None
    if permission == "withdrawn":
        return whole_second(created_at + (until - created_at) * chance.uniform(0.2, 1))
    if permission == "confirmed":
        return min(whole_second(created_at + timedelta(minutes=chance.uniform(1, 600))), until)
    return created_at


def pick(chance: Random, weights: dict[Choice, int]) -> Choice:
    """One of the keys, drawn by weight."""
    return chance.choices(list(weights), weights=list(weights.values()))[0]
