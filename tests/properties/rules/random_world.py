"""A small shop that changes from hour to hour by the real loads, ingests and erasures. What it knows is kept as plain
rows, so that rules can be judged without the product (`by_the_definitions`)."""

from __future__ import annotations

import csv
import random
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy.engine import Engine

import builders
from lifecycle_mail import events, sources

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SECRET = "a secret of this test"
DAYS = (0, 1, 7, 30, 90, 180, 365)
"""Rules ask for these windows, and facts lie around their edges."""
Row = dict[str, Any]
KEYS = {
    "customers": ("customer_id",), "products": ("product_id",), "orders": ("order_id",),
    "order_lines": ("order_id", "line_no"), "carts": ("cart_id",), "cart_lines": ("cart_id", "line_no"),
    "page_views": ("view_id",), "lead_actions": ("action_id",), "reviews": ("review_id",),
    "referrals": ("referral_id",), "offers": ("offer_code",), "contracts": ("contract_id",),
    "occasions": ("occasion_id",), "registrations": ("occasion_id", "customer_id"),
}  # fmt: skip
PARTS = {"orders": "order_lines", "carts": "cart_lines"}
TIMES = {
    "orders": "ordered_at", "carts": "updated_at", "page_views": "viewed_at", "lead_actions": "acted_at",
    "reviews": "reviewed_at", "referrals": "referred_at", "offers": "redeemed_at",
}  # fmt: skip


class World:
    """People and what they did, as the feeds tell it, and the opens and clicks of their mails."""

    def __init__(self, warehouse: Engine, folder: Path, seed: int, begin: datetime, people: int) -> None:
        self.warehouse, self.folder, self.chance, self.now = warehouse, folder, random.Random(seed), begin
        self.begin, self.serial = begin, 0
        self.feeds: dict[str, dict[tuple[Any, ...], Row]] = {name: {} for name in KEYS}
        self.erased: set[str] = set()
        self.opens: list[tuple[str, str, datetime]] = []
        self.clicks: list[tuple[str, str, datetime]] = []
        self.people = [f"c{number}" for number in range(people)]
        self.take("customers", [self.person(who) for who in self.people])
        self.take("products", [self.product(f"p{number}") for number in range(5)])
        facts = [name for name in KEYS if name not in ("customers", "products", "order_lines", "cart_lines")]
        for name in facts:
            for _ in range(people * (2 if name in ("orders", "page_views") else 1)):
                self.take(name, [getattr(self, name)()])
        self.mails = self.sent_mails()
        self.load(KEYS)
        self.post([self.event() for _ in range(people * 2)])

    # What happens between two refreshes

    def live(self) -> None:
        """Let an hour pass in which a few things change."""
        self.now += HOUR * self.chance.choice((1, 1, 1, 1, 1, 5, 12))
        deeds = {
            self.bring: 8, self.bring_again: 14, self.hand_over: 4, self.events_come: 3, self.erase: 1, self.rest: 2,
        }  # fmt: skip
        for deed in self.chance.choices(list(deeds), list(deeds.values()), k=self.chance.choice((1, 2, 3))):
            deed()

    def rest(self) -> None:
        """Nothing changes but the time."""

    def bring(self) -> None:
        """A load with some new facts, and sometimes a new customer."""
        if self.chance.random() < 0.2:
            self.people.append(f"c{len(self.people)}")
            self.take("customers", [self.person(self.people[-1])])
            self.load(["customers"])
        name = self.chance.choice([*TIMES, "registrations", "contracts"])
        self.take(name, [getattr(self, name)()])
        self.load(self.with_parts(name))

    def bring_again(self) -> None:
        """A row that is known comes with other values, of the same customer."""
        name = self.chance.choice(["customers", "products", *TIMES, *TIMES, "registrations", "contracts", "occasions"])
        known = [row for row in self.feeds[name].values() if row.get("customer_id") not in self.erased]
        if not known:
            return
        old = self.chance.choice(known)
        key = {column: old[column] for column in (*KEYS[name], "customer_id") if column in old}
        if name in ("customers", "products"):
            drawn = self.person(old["customer_id"]) if name == "customers" else self.product(old["product_id"])
        else:
            drawn = getattr(self, name)()
        changed = self.chance.sample(sorted(drawn), self.chance.randint(1, len(drawn)))
        self.take(name, [{**old, **{column: drawn[column] for column in changed}, **key}])
        if name in PARTS and self.chance.random() < 0.5:
            self.draw_lines(name, old[KEYS[name][0]])
            self.load(self.chance.choice((self.with_parts(name), [PARTS[name], name])))
        else:
            self.load([name])

    def hand_over(self) -> None:
        """A fact comes again and names another customer."""
        name = self.chance.choice(list(TIMES))
        known = [row for row in self.feeds[name].values() if row["customer_id"] not in self.erased]
        if known:
            old = self.chance.choice(known)
            self.take(name, [{**old, "customer_id": self.somebody()}])
            self.load([name])

    def events_come(self) -> None:
        self.post([self.event() for _ in range(self.chance.randint(1, 3))])

    def erase(self) -> None:
        who = self.somebody()
        with self.warehouse.begin() as connection:
            sources.erase_customer(connection, who, SECRET, self.now)
            events.erase(connection, who, f"{who}@example.com")
        self.erased.add(who)

    # The real commands

    def take(self, name: str, rows: Iterable[Row]) -> None:
        """Keep rows, as the feed tells them from now on. A new order or cart has lines."""
        for row in rows:
            key = tuple(row[column] for column in KEYS[name])
            if name in PARTS and key not in self.feeds[name]:
                self.draw_lines(name, key[0])
            self.feeds[name][key] = row

    def draw_lines(self, name: str, whole: str) -> None:
        """New lines: an order's stay and get other products, a cart's are replaced."""
        part, key = PARTS[name], KEYS[name][0]
        known = [one for one in self.feeds[part] if one[0] == whole]
        count = max(len(known) if part == "order_lines" else 1, self.chance.choice((1, 1, 2)))
        if part == "cart_lines":
            for one in known:
                del self.feeds[part][one]
        for number in range(count):
            self.feeds[part][(whole, number + 1)] = {
                key: whole, "line_no": number + 1, "product_id": f"p{self.chance.randrange(6)}",
                "quantity": self.chance.choice((0, 1, 1, 2)), "unit_price": 5,
            }  # fmt: skip

    def with_parts(self, name: str) -> list[str]:
        return [name, PARTS[name]] if name in PARTS else [name]

    def load(self, names: Iterable[str]) -> None:
        """Load whole files of these feeds by the real loader; rows of erased customers stay out."""
        self.serial += 1
        folder = self.folder / f"load-{self.serial}"
        folder.mkdir()
        for name in names:
            rows = [row for row in self.feeds[name].values() if self.owner(name, row) not in self.erased]
            if rows:
                with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
                    writer = csv.DictWriter(file, list(rows[0]))
                    writer.writeheader()
                    writer.writerows([{key: _text(value) for key, value in row.items()} for row in rows])
        report = sources.load_feeds(self.warehouse, folder, link_secret=SECRET, now=self.now)
        refused = {name: counts for name, counts in report.feeds.items() if counts.rejected}
        assert not refused, refused

    def owner(self, name: str, row: Row) -> str | None:
        """Whose row it is; a line belongs to whose order or cart it is in."""
        for whole, part in PARTS.items():
            if part == name:
                return self.feeds[whole][(row[KEYS[whole][0]],)]["customer_id"]
        return row.get("customer_id")

    def sent_mails(self) -> list[tuple[str, str]]:
        """Two mails per person, sent long before anyone opens them."""
        found = []
        with self.warehouse.begin() as connection:
            builders.campaign(connection, "news")
            for who in self.people:
                for number in range(2):
                    at = self.begin - 400 * DAY
                    one = builders.enrollment(connection, "news", who, occurrence=f"o{number}", enrolled_at=at)
                    found.append((builders.message(connection, one, "news", who, planned_at=at), who))
        return found

    def event(self) -> Row:
        """Someone, or a machine, opens or clicks a mail."""
        message_id, who = self.chance.choice([mail for mail in self.mails if mail[1] not in self.erased])
        at = min(self.moment().replace(microsecond=0), self.now + DAY)
        kind = self.chance.choice(("open", "open", "click", "machine"))
        if kind == "click":
            self.clicks.append((who, message_id, at))
        elif kind == "open":
            self.opens.append((who, message_id, at))
        self.serial += 1
        extra: Row = {"click": {"url": "https://example.com/a"}, "machine": {"sg_machine_open": True}, "open": {}}[kind]
        return {
            "email": f"{who}@example.com", "timestamp": int(at.timestamp()), "lm_message_id": message_id,
            "event": "click" if kind == "click" else "open", "sg_event_id": f"e{self.serial}", **extra,
        }  # fmt: skip

    def post(self, posts: list[Row]) -> None:
        self.serial += 1
        path = self.folder / f"export-{self.serial}.ndjson"
        path.write_bytes(b"".join(orjson.dumps(one) + b"\n" for one in posts))
        events.ingest(self.warehouse, path, now=self.now)

    # What there is to draw

    def somebody(self) -> str:
        return self.chance.choice([who for who in self.people if who not in self.erased])

    def moment(self) -> datetime:
        """A moment around the edge of a window: just before, exactly at, or just after an hour of the world."""
        edge = self.begin + HOUR * self.chance.randrange(0, 24) - DAY * self.chance.choice((*DAYS, 1, 7, 7, 7))
        return edge + self.chance.choice((timedelta(0), timedelta(0), HOUR / 2, timedelta(microseconds=1)))

    def number(self, letter: str) -> str:
        self.serial += 1
        return f"{letter}{self.serial}"

    def draw(self, *values: Any) -> Any:
        return self.chance.choice(values)

    def person(self, who: str) -> Row:
        created_at = self.moment() if self.chance.random() < 0.3 else self.begin - 500 * DAY
        birthday = self.begin.date() + self.draw(0, 1, 5, 40) * DAY
        return {
            "customer_id": who, "email": f"{who}@example.com", "created_at": created_at,
            "country": self.draw("TH", "TW", "BR", None), "city": self.draw("A", "B", None),
            "region": self.draw("N", None), "currency": self.draw("EUR", "USD", None),
            "locale": self.draw("th-TH", "zh-TW", "en", "iw", None), "timezone": self.draw("Asia/Tokyo", None),
            "tier": self.draw("gold", "silver", None), "signup_source": self.draw("shop", "fair", None),
            "birthday": self.draw(None, f"{birthday:--%m-%d}", f"{self.draw(1980, 1999)}-{birthday:%m-%d}"),
        }  # fmt: skip

    def product(self, product_id: str) -> Row:
        return {
            "product_id": product_id, "name": product_id, "product_type": self.draw("coffee", "tea", None),
            "category": self.draw("Baby", "Home", None),
        }  # fmt: skip

    def orders(self) -> Row:
        return {
            "order_id": self.number("o"), "customer_id": self.somebody(), "ordered_at": self.moment(),
            "total": self.draw(0, 10, 10, "49.99", 100), "currency": self.draw("EUR", "USD", None),
            "cart_id": self.draw(None, *[key[0] for key in self.feeds["carts"]]),
            "offer_code": self.draw(None, None, "SPRING", "AUTUMN"),
            "status": self.draw("placed", "placed", "placed", "cancelled", "refunded"),
        }  # fmt: skip

    def carts(self) -> Row:
        at = self.moment()
        return {
            "cart_id": self.number("k"), "customer_id": self.somebody(), "created_at": at - 500 * DAY,
            "updated_at": at, "status": self.draw("open", "open", "ordered", "emptied"),
        }  # fmt: skip

    def page_views(self) -> Row:
        return {
            "view_id": self.number("v"), "customer_id": self.somebody(), "viewed_at": self.moment(),
            "product_id": self.draw(None, "p0", "p1", "p5"), "topic": self.draw(None, "sale", "brew"),
        }  # fmt: skip

    def lead_actions(self) -> Row:
        return {
            "action_id": self.number("a"), "customer_id": self.somebody(), "acted_at": self.moment(),
            "kind": self.draw("subscribe", "download", "webinar", "event", "feature_use", "Download", "call"),
            "subject": self.draw(None, "sale", "brew"),
        }  # fmt: skip

    def reviews(self) -> Row:
        return {
            "review_id": self.number("r"), "customer_id": self.somebody(), "product_id": self.draw("p0", "p1", "p5"),
            "rating": self.draw(1, 2, "4.5", 5), "reviewed_at": self.moment(),
        }  # fmt: skip

    def referrals(self) -> Row:
        return {"referral_id": self.number("f"), "customer_id": self.somebody(), "referred_at": self.moment()}

    def offers(self) -> Row:
        return {
            "offer_code": self.number("G"), "customer_id": self.somebody(), "valid_from": self.begin - 500 * DAY,
            "valid_until": self.begin + 500 * DAY, "redeemed_at": self.draw(None, self.moment(), self.moment()),
        }  # fmt: skip

    def contracts(self) -> Row:
        return {
            "contract_id": self.number("t"), "customer_id": self.somebody(), "status": self.draw("active", "cancelled"),
            "starts_at": self.begin - self.draw(400, 500) * DAY,
            "ends_at": self.moment() + self.draw(0, 7, 60) * DAY,
        }  # fmt: skip

    def occasions(self) -> Row:
        number = self.chance.randrange(3)
        return {"occasion_id": f"w{number}", "name": "Talk", "kind": "webinar", "starts_at": self.moment()}

    def registrations(self) -> Row:
        return {
            "occasion_id": f"w{self.chance.randrange(3)}", "customer_id": self.somebody(),
            "registered_at": self.begin - 390 * DAY - self.draw(0, 1) * HOUR,
            "status": self.draw("registered", "attended", "cancelled"), "status_at": self.draw(None, self.moment()),
        }  # fmt: skip


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else "" if value is None else str(value)
