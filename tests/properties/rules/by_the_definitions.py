"""Rules judged in plain Python, one customer after another, from the rows of a world: docs/decisions/0070 and the words
of the headers, and nothing of the product."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from random_world import DAY, Row, World

Rule = dict[str, Any]
ZONES = {"TH": "Asia/Bangkok", "TW": "Asia/Taipei"}
PRODUCT = ("product_id", "product_type", "category")
ABSENT: dict[str, Any] = {
    "orders": 0, "total_spent": 0, "reviews": 0, "returns": 0, "referrals": 0, "engagement": "none",
    "lifecycle_stage": "subscriber", "open_cart": False, "price_sensitive": False, "promo_code_used": False,
}  # fmt: skip
SINCE = {"signed_up", "first_order", "last_order", "last_activity", "last_visit", "last_open", "last_click"}


class Judge:
    """The world as it was at one moment."""

    def __init__(self, world: World, as_of: datetime) -> None:
        self.world, self.as_of = world, as_of
        self.people = {row["customer_id"]: row for row in world.feeds["customers"].values()}
        self.products = {row["product_id"]: row for row in world.feeds["products"].values()}

    def members(self, rules: Rule) -> set[str]:
        """Who is there at the moment and meets the rules."""
        there = {who for who, row in self.people.items() if row["created_at"] <= self.as_of}
        return {who for who in there - self.world.erased if self.holds(rules, who)}

    def holds(self, rule: Rule, who: str) -> bool:
        if "is" in rule:
            return self.is_so(rule, who)
        if "did" in rule:
            return self.did(rule, who)
        return (
            all(self.holds(one, who) for one in rule.get("all", []))
            and any(self.holds(one, who) for one in rule.get("any", [{"is": "orders", "at_least": 0}]))
            and not any(self.holds(one, who) for one in rule.get("none", []))
        )

    # Attributes

    def is_so(self, rule: Rule, who: str) -> bool:
        name = rule["is"]
        value = self.value(name, who, rule.get("currency"))
        value = ABSENT.get(name) if value is None else value
        asked = {word: given for word, given in rule.items() if word not in ("is", "currency", "known")}
        if not asked and "known" not in rule:
            asked = {"equals": True}
        if "known" in rule and rule["known"] != (value is not None):
            return False
        if isinstance(value, datetime):
            days = (self.as_of - value) / DAY if name.endswith("_ago") else (value - self.as_of) / DAY
            return all(_compare_days(days, word, given) for word, given in asked.items())
        return all(value is not None and _compare(value, word, given) for word, given in asked.items())

    def value(self, name: str, who: str, currency: str | None) -> Any:
        if name in ("total_spent", "average_order"):
            return self.money(name, who, currency)
        if name in ("country", "region", "city", "currency", "tier", "signup_source", "locale"):
            return self.people[who][name]
        return getattr(self, name)(who)

    def money(self, name: str, who: str, currency: str | None) -> Decimal | None:
        by_currency: dict[str, list[Decimal]] = {}
        for row in self.orders_of(who):
            if row["status"] == "placed":
                by_currency.setdefault(row["currency"] or "XXX", []).append(Decimal(str(row["total"])))
        worth: dict[str, Decimal] = {
            one: sum(totals, Decimal(0)) / (len(totals) if name == "average_order" else 1)
            for one, totals in by_currency.items()
        }
        if currency:
            return worth.get(currency)
        return round(max(worth.values()), 4) if worth else None

    def of(self, feed: str, who: str, at: str) -> list[Row]:
        """The rows of a feed about a customer, up to the moment."""
        rows = self.world.feeds[feed].values()
        return [row for row in rows if row["customer_id"] == who and row[at] is not None and row[at] <= self.as_of]

    def orders_of(self, who: str) -> list[Row]:
        return [row for row in self.of("orders", who, "ordered_at") if row["status"] != "cancelled"]

    def language(self, who: str) -> str | None:
        locale = self.people[who]["locale"]
        return None if locale is None else {"iw": "he"}.get(locale.split("-")[0], locale.split("-")[0])

    def timezone(self, who: str) -> str | None:
        return self.people[who]["timezone"] or ZONES.get(self.people[who]["country"])

    def hemisphere(self, who: str) -> str | None:
        country = self.people[who]["country"]
        return None if country is None else "south" if country == "BR" else "north"

    def today(self, who: str) -> date:
        return self.as_of.astimezone(ZoneInfo(self.timezone(who) or self.zone_of_country(who))).date()

    def zone_of_country(self, who: str) -> str:
        return "America/Noronha" if self.people[who]["country"] == "BR" else "UTC"

    def birthday_month(self, who: str) -> int | None:
        written = self.people[who]["birthday"]
        return int(written[-5:-3]) if written else None

    def birthday_in_days(self, who: str) -> int | None:
        written, today = self.people[who]["birthday"], self.today(who)
        if not written:
            return None
        return next(days for days in range(367) if f"{today + days * DAY:%m-%d}" == written[-5:])

    def age(self, who: str) -> int | None:
        written, today = self.people[who]["birthday"], self.today(who)
        if not written or written.startswith("--"):
            return None
        return today.year - int(written[:4]) - (f"{today:%m-%d}" < written[-5:])

    def orders(self, who: str) -> int:
        return len(self.orders_of(who))

    def returns(self, who: str) -> int:
        return sum(row["status"] == "refunded" for row in self.orders_of(who))

    def reviews(self, who: str) -> int:
        return len(self.of("reviews", who, "reviewed_at"))

    def open_complaint(self, who: str) -> bool:
        said = [(row["reviewed_at"], -Decimal(str(row["rating"]))) for row in self.of("reviews", who, "reviewed_at")]
        newest = max(said, default=None)
        return newest is not None and -newest[1] <= 2

    def referrals(self, who: str) -> int:
        return len(self.of("referrals", who, "referred_at"))

    def average_rating(self, who: str) -> Decimal | None:
        ratings = [Decimal(str(row["rating"])) for row in self.of("reviews", who, "reviewed_at")]
        return round(sum(ratings, Decimal(0)) / len(ratings) + Decimal("1e-9"), 2) if ratings else None

    def price_sensitivity(self, who: str) -> Decimal | None:
        orders = self.orders_of(who)
        return round(Decimal(sum(row["offer_code"] is not None for row in orders)) / len(orders), 4) if orders else None

    def price_sensitive(self, who: str) -> bool:
        return self.orders(who) >= 2 and sum(row["offer_code"] is not None for row in self.orders_of(who)) * 2 >= (
            self.orders(who)
        )

    def promo_code_used(self, who: str) -> bool:
        return any(row["offer_code"] for row in self.orders_of(who)) or bool(self.of("offers", who, "redeemed_at"))

    def last_promo_code(self, who: str) -> str | None:
        found = [(row["ordered_at"], row["order_id"], row["offer_code"]) for row in self.orders_of(who)]
        return max((one for one in found if one[2]), default=(None, None, None))[2]

    def open_cart(self, who: str) -> bool:
        return any(
            cart["status"] == "open" and self.lines("cart_lines", cart["cart_id"]) and not self.is_closed(cart, who)
            for cart in self.of("carts", who, "updated_at")
        )

    def is_closed(self, cart: Row, who: str) -> bool:
        orders = [row for row in self.world.feeds["orders"].values() if row["status"] != "cancelled"]
        return any(
            row["ordered_at"] <= self.as_of
            and (
                (row["customer_id"] == who and row["ordered_at"] > cart["updated_at"])
                or (row["cart_id"] == cart["cart_id"] and row["ordered_at"] >= cart["created_at"])
            )
            for row in orders
        )

    def lifecycle_stage(self, who: str) -> str:
        orders = self.orders_of(who)
        if not orders:
            asks = any(row["kind"].lower() != "subscribe" for row in self.of("lead_actions", who, "acted_at"))
            return "lead" if asks or self.registered_at_all(who) else "subscriber"
        ago = self.as_of - max(row["ordered_at"] for row in orders)
        if ago >= 90 * DAY:
            return "lapsed" if ago >= 180 * DAY else "at_risk"
        return "first_time_buyer" if len(orders) == 1 else "repeat_buyer"

    def registered_at_all(self, who: str) -> list[Row]:
        return [
            row
            for row in self.of("registrations", who, "registered_at")
            if row["status"] != "cancelled" or (row["status_at"] is not None and row["status_at"] > self.as_of)
        ]

    def engagement(self, who: str) -> str:
        since = self.as_of - 90 * DAY
        points = len({fact_id for fact_id, at, _ in self.opened(who) if at > since})
        points += 2 * len({fact_id for fact_id, at, _ in self.clicked(who) if at > since})
        views = self.of("page_views", who, "viewed_at")
        points += len({row["viewed_at"].date() for row in views if row["viewed_at"] > since})
        return "high" if points >= 10 else "medium" if points >= 4 else "low" if points else "none"

    def favourite_product_type(self, who: str) -> str | None:
        bought = [
            (self.product_of(line["product_id"]).get("product_type"), order["ordered_at"])
            for order in self.orders_of(who)
            if order["status"] == "placed" and order["ordered_at"] > self.as_of - 365 * DAY
            for line in self.lines("order_lines", order["order_id"])
        ]
        times = Counter(kind for kind, _ in bought if kind)
        last = {kind: max(at for one, at in bought if one == kind) for kind in times}
        return min(times, key=lambda kind: (-times[kind], -last[kind].timestamp(), kind)) if times else None

    def contract_ends_in_days(self, who: str) -> datetime | None:
        ends = [
            row["ends_at"]
            for row in self.of("contracts", who, "starts_at")
            if row["status"] == "active" and row["ends_at"] > self.as_of
        ]
        return min(ends, default=None)

    def signed_up_days_ago(self, who: str) -> datetime:
        return self.people[who]["created_at"]

    def first_order_days_ago(self, who: str) -> datetime | None:
        return min((row["ordered_at"] for row in self.orders_of(who)), default=None)

    def last_order_days_ago(self, who: str) -> datetime | None:
        return max((row["ordered_at"] for row in self.orders_of(who)), default=None)

    def last_visit_days_ago(self, who: str) -> datetime | None:
        return max((row["viewed_at"] for row in self.of("page_views", who, "viewed_at")), default=None)

    def last_open_days_ago(self, who: str) -> datetime | None:
        return max((at for _, at, _ in self.opened(who)), default=None)

    def last_click_days_ago(self, who: str) -> datetime | None:
        return max((at for _, at, _ in self.clicked(who)), default=None)

    def last_activity_days_ago(self, who: str) -> datetime | None:
        four = (self.last_order_days_ago, self.last_visit_days_ago, self.last_open_days_ago, self.last_click_days_ago)
        return max((at for each in four if (at := each(who)) is not None), default=None)

    # Facts: (fact_id, time, row)

    def did(self, rule: Rule, who: str) -> bool:
        times = {fact_id for fact_id, at, row in getattr(self, rule["did"])(who) if self.counts(rule, at, row)}
        if "exactly" in rule:
            return len(times) == rule["exactly"]
        least = rule.get("at_least", 0 if "at_most" in rule else 1)
        return least <= len(times) <= rule.get("at_most", len(times))

    def counts(self, rule: Rule, at: datetime, row: Row) -> bool:
        near, far = rule.get("between_days", (0, rule.get("within_days", 100_000)))
        if not self.as_of - far * DAY < at <= self.as_of - near * DAY:
            return False
        for name in ("total", "rating", "topic", "currency"):
            if name in rule and not _meets(row.get(name), rule[name]):
                return False
        asked = [name for name in PRODUCT if name in rule]
        lines = row.get("lines", [row])
        return not asked or any(
            all(_meets(self.product_of(line["product_id"]).get(name), rule[name]) for name in asked) for line in lines
        )

    def product_of(self, product_id: str | None) -> Row:
        return {**self.products.get(product_id or "", {}), "product_id": product_id}

    def lines(self, feed: str, whole: str) -> list[Row]:
        return [line for key, line in self.world.feeds[feed].items() if key[0] == whole and line["quantity"] > 0]

    def ordered(self, who: str) -> Iterator[tuple[str, datetime, Row]]:
        for row in self.orders_of(who):
            total = row["total"] if row["status"] == "placed" else None
            lines = self.lines("order_lines", row["order_id"])
            told = {"total": total, "currency": row["currency"] or "XXX", "lines": lines}
            yield row["order_id"], row["ordered_at"], told

    def carted(self, who: str) -> Iterator[tuple[str, datetime, Row]]:
        for row in self.of("carts", who, "updated_at"):
            if lines := self.lines("cart_lines", row["cart_id"]):
                yield row["cart_id"], row["updated_at"], {"lines": lines}

    def viewed(self, who: str) -> list[tuple[str, datetime, Row]]:
        return [(row["view_id"], row["viewed_at"], row) for row in self.of("page_views", who, "viewed_at")]

    def reviewed(self, who: str) -> list[tuple[str, datetime, Row]]:
        return [(row["review_id"], row["reviewed_at"], row) for row in self.of("reviews", who, "reviewed_at")]

    def referred(self, who: str) -> list[tuple[str, datetime, Row]]:
        return [(row["referral_id"], row["referred_at"], row) for row in self.of("referrals", who, "referred_at")]

    def redeemed(self, who: str) -> list[tuple[str, datetime, Row]]:
        return [(row["offer_code"], row["redeemed_at"], row) for row in self.of("offers", who, "redeemed_at")]

    def acted(self, who: str, *kinds: str) -> list[tuple[str, datetime, Row]]:
        return [
            (row["action_id"], row["acted_at"], {"topic": row["subject"]})
            for row in self.of("lead_actions", who, "acted_at")
            if row["kind"].lower() in kinds
        ]

    def downloaded(self, who: str) -> list[tuple[str, datetime, Row]]:
        return self.acted(who, "download")

    def subscribed(self, who: str) -> list[tuple[str, datetime, Row]]:
        return self.acted(who, "subscribe")

    def used(self, who: str) -> list[tuple[str, datetime, Row]]:
        return self.acted(who, "feature_use")

    def registered(self, who: str) -> list[tuple[str, datetime, Row]]:
        occasions = [
            (f"of {row['occasion_id']}", row["registered_at"], {"topic": row["occasion_id"]})
            for row in self.registered_at_all(who)
        ]
        return occasions + self.acted(who, "webinar", "event")

    def attended(self, who: str) -> Iterator[tuple[str, datetime, Row]]:
        for row in self.world.feeds["registrations"].values():
            if row["customer_id"] == who and row["status"] == "attended":
                occasion = self.world.feeds["occasions"].get((row["occasion_id"],))
                at = row["status_at"] or (occasion and occasion["starts_at"]) or row["registered_at"]
                if at <= self.as_of:
                    yield row["occasion_id"], at, {"topic": row["occasion_id"]}

    def clicked(self, who: str) -> list[tuple[str, datetime, Row]]:
        return [(mail, at, {}) for one, mail, at in self.world.clicks if one == who and at <= self.as_of]

    def opened(self, who: str) -> list[tuple[str, datetime, Row]]:
        """The first and the newest open of each mail, and every click."""
        found = self.clicked(who)
        for mail in {mail for one, mail, _ in self.world.opens if one == who}:
            at = sorted(at for _, one, at in self.world.opens if one == mail and at <= self.as_of)
            found += [(mail, at, {}) for at in {*at[:1], *at[-1:]}]
        return found


def _meets(value: Any, asked: Any) -> bool:
    if value is None:
        return False
    if isinstance(asked, list):
        asked = {"in": asked}
    elif not isinstance(asked, dict):
        asked = {"equals": asked}
    return all(_compare(value, word, given) for word, given in asked.items())


def _compare(value: Any, word: str, given: Any) -> bool:
    given = [_exact(one) for one in given] if isinstance(given, list) else _exact(given)
    value = Decimal(str(value)) if isinstance(value, int | float | str) and _is_number(given) else value
    meets: dict[str, Callable[[], bool]] = {
        "equals": lambda: value == given, "in": lambda: value in given, "not_in": lambda: value not in given,
        "at_least": lambda: value >= given, "at_most": lambda: value <= given,
        "between": lambda: given[0] <= value <= given[1],
    }  # fmt: skip
    return bool(meets[word]())


def _exact(given: Any) -> Any:
    return Decimal(str(given)) if isinstance(given, int | float) and not isinstance(given, bool) else given


def _is_number(given: Any) -> bool:
    return isinstance(given[0] if isinstance(given, list) else given, Decimal)


def _compare_days(days: float, word: str, given: Any) -> bool:
    if word in ("in", "not_in"):
        return any(one <= days < one + 1 for one in given) == (word == "in")
    if word == "equals":
        return bool(given <= days < given + 1)
    return _compare(days, word, given)
