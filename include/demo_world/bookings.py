"""Made-up bookings: occasions around today and who registered, contracts that end, and friends referred."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

from demo_world.chance import generator
from demo_world.shop_time import start_of, whole_second

OCCASION_COLUMNS = ("occasion_id", "name", "kind", "starts_at", "ends_at", "url")
REGISTRATION_COLUMNS = ("occasion_id", "customer_id", "registered_at", "status", "status_at")
CONTRACT_COLUMNS = ("contract_id", "customer_id", "product_id", "starts_at", "ends_at", "status")
REFERRAL_COLUMNS = ("referral_id", "customer_id", "referred_customer_id", "referred_at", "ordered_at")
KINDS = (("tasting", "Wine tasting in the shop", "event", 18), ("webinar", "Cooking for two", "webinar", 17))
EVERY_DAYS = 3
REGISTERED, CANCELLED, ATTENDED = 0.03, 0.1, 0.7
CONTRACTS, REFERRED, BOUGHT = 0.05, 0.04, 0.5
CONTRACT_DAYS = 365


def occasions(today: date) -> Iterator[dict[str, Any]]:
    """Feed `occasions`: one each of two kinds every three days, from a week ago to a week ahead."""
    for day in _days(today):
        for kind, name, what, hour in KINDS:
            starts_at = start_of(day) + timedelta(hours=hour)
            yield {
                "occasion_id": f"{kind}-{day:%Y-%m-%d}", "name": name, "kind": what, "starts_at": starts_at,
                "ends_at": starts_at + timedelta(hours=2), "url": f"https://market.example.com/{what}s/{kind}",
            }  # fmt: skip


def registrations(people: list[dict[str, Any]], today: date, seed: int) -> Iterator[dict[str, Any]]:
    """Feed `registrations`: up to a week before the beginning; what people did afterwards is known the next day."""
    until = start_of(today)
    for one in occasions(today):
        for person in people:
            chance = generator(seed, "registration", one["occasion_id"], person["customer_id"])
            if chance.random() < REGISTERED:
                row = _registration(one, person, chance, until)
                if row["registered_at"] < until and row["registered_at"] > person["created_at"]:
                    yield row


def _registration(one: dict[str, Any], person: dict[str, Any], chance: Random, until: datetime) -> dict[str, Any]:
    registered_at = whole_second(one["starts_at"] - timedelta(hours=chance.uniform(20, 168)))
    cancelled_at = whole_second(registered_at + (one["starts_at"] - registered_at) * chance.random())
    row = {
        "occasion_id": one["occasion_id"], "customer_id": person["customer_id"], "registered_at": registered_at,
        "status": "registered", "status_at": registered_at,
    }  # fmt: skip
    fate = chance.random()
    if fate < CANCELLED and cancelled_at < until:
        return {**row, "status": "cancelled", "status_at": cancelled_at}
    if fate < CANCELLED + ATTENDED and one["ends_at"] < until:
        return {**row, "status": "attended", "status_at": one["ends_at"]}
    return row


def contracts(people: list[dict[str, Any]], until: datetime, seed: int) -> Iterator[dict[str, Any]]:
    """Feed `contracts`: yearly ones of a vegetable box; their ends are spread over the year after `until`."""
    for person in people:
        chance = generator(seed, "contract", person["customer_id"])
        ends_at = whole_second(until + timedelta(days=chance.uniform(1, CONTRACT_DAYS)))
        starts_at = ends_at - timedelta(days=CONTRACT_DAYS)
        if chance.random() < CONTRACTS and starts_at > person["created_at"]:
            yield {
                "contract_id": f"box-{person['customer_id']}", "customer_id": person["customer_id"],
                "product_id": None, "starts_at": starts_at, "ends_at": ends_at, "status": "active",
            }  # fmt: skip


def referrals(people: list[dict[str, Any]], until: datetime, seed: int) -> Iterator[dict[str, Any]]:
    """Feed `referrals`: friends told in the last month. Half of them order, some days later."""
    for person in people:
        chance = generator(seed, "referral", person["customer_id"])
        referred_at = whole_second(until - timedelta(days=chance.uniform(0.1, 30)))
        ordered_at = whole_second(referred_at + timedelta(days=chance.uniform(0.1, 10)))
        buys = chance.random() < BOUGHT and ordered_at < until
        if chance.random() < REFERRED and referred_at > person["created_at"]:
            yield {
                "referral_id": f"friend-of-{person['customer_id']}", "customer_id": person["customer_id"],
                "referred_customer_id": None, "referred_at": referred_at, "ordered_at": ordered_at if buys else None,
            }  # fmt: skip


def _days(today: date) -> Iterator[date]:
    for days in range(-7, 8):
        day = today + timedelta(days=days)
        if day.toordinal() % EVERY_DAYS == 0:
            yield day
