"""A shop that lives on in random ways, in which facts change hands. Each deed may happen between two roll-ups."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

import builders
from builders import NOON, rows
from lifecycle_mail import decisions, delivery, events, journeys, kpis, messages
from lifecycle_mail.database import run
from lifecycle_mail.events import erase, ingest

FIRST_LOOK, TODAY = NOON + timedelta(days=9), NOON + timedelta(days=20)
PEOPLE = tuple(f"c{number}" for number in range(6))
CURRENCIES = ("EUR", "EUR", "USD", "USD", "THB", None)
CARTS = ("k1", "k2", "k3")
CAMPAIGNS: dict[str, dict[str, Any]] = {
    "cart": {"goal_event": "order", "goal_within_days": 5, "goal_until": (NOON + timedelta(days=10)).date()},
    "wish": {"goal_event": "click", "goal_within_days": 2, "credit_model": "clicked", "credit_within_days": 3},
    "taste": {"goal_event": "review", "goal_within_days": 9, "credit_model": "opened"},
    "look": {
        "goal_event": "page_view", "goal_within_days": 4, "credit_within_days": 1,
        "goal_from": (NOON + timedelta(days=2)).date(), "goal_until": (NOON + timedelta(days=30)).date(),
    },
    "gift": {"goal_event": "offer_used", "goal_within_days": 8, "goal_target_ratio": None},
    "read": {"goal_event": "open", "goal_within_days": 6},
    "receipt": {"goal_event": "order", "goal_within_days": 3, "is_marketing": False},
}
# Facts that a later load may bring again: table, key, time, and what else may be another.
MOVING: dict[str, tuple[str, str, dict[str, tuple[Any, ...]]]] = {
    "source.orders": (
        "order_id", "ordered_at",
        {"status": ("placed", "placed", "cancelled", "refunded"), "total": (3, 20, 41.5), "currency": CURRENCIES,
         "cart_id": (None, *CARTS)},
    ),
    "source.page_view": ("view_id", "viewed_at", {}),
    "source.review": ("review_id", "reviewed_at", {}),
    "source.offer": ("offer_code", "redeemed_at", {"campaign": ("gift", "gift", "cart", None)}),
}  # fmt: skip
EVENTS: list[tuple[str, dict[str, Any]]] = [
    ("processed", {}), ("delivered", {}), ("delivered", {}), ("delivered", {}), ("open", {}), ("open", {}),
    ("open", {"sg_machine_open": True}), ("click", {"url": "https://example.com/a"}),
    ("click", {"url": "https://example.com/a", "useragent": "Mozilla/5.0"}),
    ("click", {"url": "https://example.com/b", "useragent": "Mozilla/5.0"}),
    ("click", {"url": "https://example.com/a", "useragent": "Barracuda Sentinel"}), ("bounce", {"type": "bounce"}),
    ("bounce", {"type": "blocked"}), ("dropped", {"reason": "Bounced Address"}), ("spamreport", {}),
    ("unsubscribe", {}), ("group_unsubscribe", {"asm_group_id": 7}), ("group_resubscribe", {"asm_group_id": 7}),
    ("deferred", {}), ("lm_unsubscribe", {"lm_topic": "reminders"}),
]  # fmt: skip


class Shop:
    """The shop, its people, and everything that it made up so far."""

    def __init__(self, warehouse: Engine, folder: Path, seed: int) -> None:
        self.warehouse, self.folder, self.chance = warehouse, folder, random.Random(seed)
        self.mails: list[tuple[str, str, datetime]] = []
        self.posted: list[dict[str, Any]] = []
        self.epochs: dict[str, int] = {}
        self.called = {name: name for name in CAMPAIGNS}
        self.serial, self.today = 0, FIRST_LOOK
        with warehouse.begin() as connection:
            for name, columns in CAMPAIGNS.items():
                builders.campaign(connection, name, **columns)
                self.epochs[name] = 0
                self.begin_epoch(connection, name)
            for who in PEOPLE:
                builders.customer(connection, who)
                self.say(connection, who, "confirmed", "feed", NOON - timedelta(days=self.chance.randrange(20)))

    def number(self) -> int:
        self.serial += 1
        return self.serial

    def moment(self) -> datetime:
        """A moment of two weeks, often soon after some mail."""
        if self.mails and self.chance.random() < 0.6:
            return self.chance.choice(self.mails)[2] + timedelta(hours=self.chance.randrange(0, 130))
        return NOON + timedelta(minutes=self.chance.randrange(-60 * 24, 60 * 24 * 8))

    def somebody(self) -> str:
        return self.chance.choice(PEOPLE)

    def live(self) -> None:
        """Let many random things happen, events at the end."""
        deeds = {
            self.decide: 14, self.deliver: 5, self.bring_fact: 10, self.bring_fact_again: 8, self.consent: 3,
            self.rest: 1, self.move_house: 1, self.redefine: 1, self.rates: 5, self.wait: 3,
            self.begin_epoch: 1, self.rename: 1, self.erase_somebody: 1,
            self.lift: 1, self.order_another_cart: 3,
        }  # fmt: skip
        with self.warehouse.begin() as connection:
            for deed in self.chance.choices(list(deeds), list(deeds.values()), k=self.chance.randrange(50, 80)):
                deed(connection)
        self.post_events()
        self.today = TODAY  # a roll-up follows: a later erasure is later than what it counted

    def pass_quietly(self) -> None:
        """A fact that may have reached a goal gets another customer, and nothing else: the former one has to be found
        without other news."""
        with self.warehouse.begin() as connection:
            table = self.chance.choice(list(MOVING))
            known = self.known(connection, table, only_after_mails=True)
            if known:
                another: dict[str, Any] = {"customer_id": self.somebody()}
                if table == "source.orders" and self.chance.random() < 0.5:
                    another = {"cart_id": self.chance.choice((None, *CARTS))}
                self.change(connection, table, self.chance.choice(known), another)
            self.chance.choice([self.lift, self.rates, self.consent])(connection)

    # Series and mails

    def decide(self, connection: Connection) -> None:
        campaign, who, at = self.chance.choice(list(CAMPAIGNS)), self.somebody(), self.moment()
        context = {"cart_id": self.chance.choice(CARTS)} if campaign in ("cart", "wish") else {}
        outcome, reason = self.chance.choice(
            [("send", "eligible")] * 5
            + [("defer", "quiet_hours"), ("skip", "held_out"), ("skip", "suppressed"), ("hold", "paused")]
            + [("skip", "added_later"), ("skip", "capped")]
        )
        epoch, campaign = self.chance.randint(1, self.epochs[campaign]), self.called[campaign]
        enrollment = builders.enrollment(
            connection, campaign, who, occurrence=f"o{self.number()}", enrolled_at=at,
            is_holdout=reason == "held_out", epoch=epoch, context=context,
        )  # fmt: skip
        arm = "holdout" if reason == "held_out" else self.chance.choice(["a", "b"])
        step = self.chance.choice(["reminder", "again"])
        said = {"step": step, "variant": arm}
        builders.decision(connection, enrollment, campaign, who, decided_at=at, outcome=outcome, reason=reason, **said)
        if outcome in ("send", "defer") and self.chance.random() < 0.85:
            state = self.chance.choice(["planned", "claimed", "in_doubt", "abandoned", *["accepted"] * 5])
            reason = "suppressed" if state == "abandoned" else None
            message_id = builders.message(
                connection, enrollment, campaign, who, state=state, planned_at=at, reason=reason, **said
            )
            self.mails.append((message_id, who, at))
        elif outcome == "hold" or reason == "added_later":
            later = {"decided_at": at + timedelta(days=1), "outcome": "skip", "reason": "stale"}
            builders.decision(connection, enrollment, campaign, who, **later, **said)

    def deliver(self, connection: Connection) -> None:
        waiting = rows(connection, "select message_id from message.message where state in ('planned', 'in_doubt')")
        for (message_id,) in self.chance.sample(sorted(waiting), len(waiting) // 2):
            state = self.chance.choice(["accepted", "accepted", "rejected", "cancelled", "in_doubt"])
            connection.execute(
                sa.text(
                    "update message.message set state = :state, reason = :reason,"
                    " accepted_at = case when :state = 'accepted' then planned_at + interval '7 hours' end"
                    " where message_id = :id"
                ),
                {"state": state, "reason": "suppressed" if state == "cancelled" else None, "id": message_id},
            )

    def order_another_cart(self, connection: Connection) -> None:
        """Two were mailed about a cart each, soon after each other, and one of them orders one of the carts."""
        at, keys = self.moment(), self.chance.sample(CARTS, 2)
        two = self.chance.sample(PEOPLE, 2)
        for number, who in enumerate(two):
            begun, said = at + timedelta(minutes=number), {"step": "reminder", "variant": "a"}
            campaign, epoch = self.called["cart"], self.epochs["cart"]
            enrollment = builders.enrollment(
                connection, campaign, who, occurrence=f"o{self.number()}", enrolled_at=begun,
                context={"cart_id": keys[number]}, epoch=epoch,
            )  # fmt: skip
            builders.decision(connection, enrollment, campaign, who, decided_at=begun, **said)
            message_id = builders.message(connection, enrollment, campaign, who, planned_at=begun, **said)
            self.mails.append((message_id, who, begun))
        bought = {"customer_id": two[1], **self.drawn("source.orders"), "cart_id": keys[0]}
        bought["ordered_at"] = at + timedelta(hours=self.chance.randrange(1, 60))
        self.load(connection, "source.orders", f"f{self.number()}", bought)

    def wait(self, connection: Connection) -> None:
        """An occurrence that begins no series, while one of before begins a series after all."""
        connection.execute(sa.text(
            "update journey.occurrence set fate = 'enrolled', reason = null, enrollment_id = 1"
            " where occurrence = (select min(occurrence) from journey.occurrence where fate = 'waiting')"
        ))
        builders.insert(
            connection, "journey.occurrence", campaign=self.chance.choice(list(self.called.values())),
            customer_id=self.somebody(),
            occurrence=f"w{self.number()}", occurred_at=NOON, fate="waiting", decided_at=self.moment(),
            reason=self.chance.choice(["series_running", "reentered_too_soon"]),
        )  # fmt: skip

    def redefine(self, connection: Connection) -> None:
        column, value = self.chance.choice([
            ("goal_within_days", self.chance.randrange(1, 9)), ("credit_within_days", self.chance.randrange(1, 9)),
            ("credit_within_days", None), ("credit_model", self.chance.choice(["sent", "opened", "clicked"])),
        ])  # fmt: skip
        query = sa.text(f"update journey.campaign set {column} = :value where campaign = :campaign")  # noqa: S608
        connection.execute(query, {"value": value, "campaign": self.chance.choice(list(self.called.values()))})

    def rename(self, connection: Connection) -> None:
        """A campaign goes on under another name. Offers still name it as before."""
        first = self.chance.choice(list(CAMPAIGNS))
        former, present = self.called[first], f"{first}-{self.number()}"
        for stage in (journeys, decisions, messages, delivery, events, kpis):
            stage.rename_campaign(connection, former, present)
        run(connection, "installation/rename_campaign", former=former, present=present, first_name=first)
        self.called[first] = present

    def begin_epoch(self, connection: Connection, campaign: str | None = None) -> None:
        """Other shares, sometimes other variants or another goal than the campaign's mails have."""
        campaign = campaign or self.chance.choice(list(CAMPAIGNS))
        self.epochs[campaign] += 1
        variants = self.chance.choice([{}, {"a": 1}, {"a": 0.5, "b": 0.5}, {"a": 0.9, "b": 0.1}])
        ((latest,),) = rows(connection, "select max(as_of) + interval '1 second' from decision.decision")
        goal = CAMPAIGNS[campaign] if self.chance.random() < 0.8 else self.chance.choice(list(CAMPAIGNS.values()))
        builders.epoch(
            connection, self.called[campaign], epoch=self.epochs[campaign],
            holdout_ratio=self.chance.choice([0, 0.1, 0.3, 1]),
            began_at=latest or NOON - timedelta(days=9),
            variants={"reminder": variants, "again": {"a": 0.5, "b": 0.5}} if variants else {},
            goal_event=goal["goal_event"], goal_within_days=goal["goal_within_days"],
        )  # fmt: skip

    # What people do, as loads bring it

    def bring_fact(self, connection: Connection) -> None:
        for _ in range(2):
            table = self.chance.choice(["source.orders", *MOVING])
            values = {"customer_id": self.somebody(), **self.drawn(table)}
            if table == "source.review":
                values |= {"product_id": "p", "rating": 4}
            if table == "source.offer":
                values |= {"valid_from": NOON, "valid_until": TODAY}
            self.load(connection, table, f"f{self.number()}", values)

    def drawn(self, table: str) -> dict[str, Any]:
        _, at, others = MOVING[table]
        moment = None if table == "source.offer" and self.chance.random() < 0.2 else self.moment()
        return {at: moment, **{name: self.chance.choice(values) for name, values in others.items()}}

    def load(self, connection: Connection, table: str, key: str, values: dict[str, Any]) -> None:
        builders.insert(
            connection, table, **{MOVING[table][0]: key}, **values, load_id=builders.load(connection)
        )

    def bring_fact_again(self, connection: Connection) -> None:
        """A row of an earlier load with other values: another customer, another time, or what else it tells."""
        table = self.chance.choice(list(MOVING))
        known = self.known(connection, table)
        if not known:
            return
        drawn = {"customer_id": self.somebody(), **self.drawn(table)}
        if table == "source.offer" and self.chance.random() < 0.2:
            drawn["customer_id"] = None
        changed = self.chance.sample(list(drawn), self.chance.randint(1, len(drawn)))
        self.change(connection, table, self.chance.choice(known), {name: drawn[name] for name in changed})

    def known(self, connection: Connection, table: str, only_after_mails: bool = False) -> list[str]:
        """Keys of the facts that there are; `only_after_mails`: those soon after a mail of their customer."""
        key, at, _ = MOVING[table]
        after = (
            "join message.message on message.customer_id = fact.customer_id"
            f" and fact.{at} between message.accepted_at and message.accepted_at + interval '4 days'"
        )
        query = f"select distinct {key} from {table} as fact {after if only_after_mails else ''} order by 1"  # noqa: S608
        return [one for (one,) in rows(connection, query)]

    def change(self, connection: Connection, table: str, key: str, values: dict[str, Any]) -> None:
        values = {**values, "load_id": builders.load(connection)}
        assignments = ", ".join(f"{name} = :{name}" for name in values)
        query = sa.text(f"update {table} set {assignments} where {MOVING[table][0]} = :key")  # noqa: S608
        connection.execute(query, {**values, "key": key})

    def rates(self, connection: Connection) -> None:
        """What a currency is worth from some day on, or a correction of it."""
        connection.execute(
            sa.text(
                "insert into source.currency_rate (day, currency, rate, load_id) values (:day, :currency, :rate, :load)"
                " on conflict (day, currency) do update set rate = excluded.rate, load_id = excluded.load_id"
            ),
            {
                "day": (NOON + timedelta(days=self.chance.randrange(-3, 12))).date(),
                "currency": self.chance.choice(["USD", "USD", "THB", "EUR"]),
                "rate": self.chance.choice(["0.91", "0.0271828", "1.1"]),
                "load": builders.load(connection),
            },
        )

    # The list

    def say(self, connection: Connection, who: str, said: str, origin: str, at: datetime | None = None) -> None:
        ((address,),) = rows(connection, "select address from source.customer where customer_id = :who", who=who)
        builders.insert(
            connection, "source.permission_change", customer_id=who, permission=said, origin=origin, address=address,
            permission_at=at or self.moment() + timedelta(seconds=self.number()),
        )  # fmt: skip

    def consent(self, connection: Connection) -> None:
        self.say(
            connection, self.somebody(), *self.chance.choice([
                ("confirmed", "feed"), ("confirmed", "preference_page"), ("confirmed", "preference_page"),
                ("withdrawn", "feed"), ("withdrawn", "unsubscribe"), ("withdrawn", "sunset"),
                ("withdrawn", "operator"), ("pending", "feed"), ("lifted", "operator"),
            ]),
        )  # fmt: skip

    def rest(self, connection: Connection) -> None:
        """The feed's word cannot be read for a while."""
        who, at = self.somebody(), self.moment()
        query = (
            "update source.permission_rest set resumed_at = rested_at + interval '2 days'"
            " where customer_id = :who and resumed_at is null returning customer_id"
        )
        if not rows(connection, query, who=who):
            builders.insert(
                connection, "source.permission_rest", customer_id=who, rested_at=at,
                file=f"customers-{self.number()}.csv", load_id=builders.load(connection),
            )  # fmt: skip

    def lift(self, connection: Connection) -> None:
        """The word that keeps a mailbox from mail is taken back."""
        query = (
            "update event.suppression set lifted_at = coalesce(last_suppressed_at, suppressed_at) + interval '1 day'"
            " where address = :address and lifted_at is null"
        )
        connection.execute(sa.text(query), {"address": f"{self.somebody()}@example.com"})

    def move_house(self, connection: Connection) -> None:
        """Some move together: a mailbox may have several holders."""
        who, email = self.somebody(), f"new-{self.chance.randrange(4)}@example.com"
        query = "update source.customer set email = :email where customer_id = :who and erased_at is null"
        connection.execute(sa.text(query), {"email": email, "who": who})

    def erase_somebody(self, connection: Connection) -> None:
        if self.chance.random() < 0.6:
            return
        who = self.somebody()
        ((address,),) = rows(connection, "select address from source.customer where customer_id = :who", who=who)
        if address is not None:
            erase(connection, who, address)
        query = (
            "update source.customer set email = null, erased_at = coalesce(erased_at, :at) where customer_id = :who"
        )
        connection.execute(sa.text(query), {"at": self.today, "who": who})

    # Events

    def post_events(self) -> None:
        """Some new events about any mail, however old, and repeats of old ones, in disorder."""
        fresh = [self.event() for _ in range(self.chance.randrange(20, 60))] if self.mails else []
        self.posted += fresh
        posts = fresh + self.chance.sample(self.posted, len(self.posted) // 4)
        self.chance.shuffle(posts)
        path = self.folder / f"export-{self.number()}.ndjson"
        path.write_bytes(b"".join(orjson.dumps(post) + b"\n" for post in posts))
        ingest(self.warehouse, path, topics={7: "reminders"}, events_a_step=self.chance.choice((7, 100)))

    def event(self) -> dict[str, Any]:
        message_id, who, at = self.chance.choice(self.mails)
        kind, extra = self.chance.choice(EVENTS)
        moment = at + timedelta(minutes=self.chance.choice([0, 1, 5, 300, 60 * 26, 60 * 24 * 4, 60 * 24 * 33]))
        moment += timedelta(seconds=self.chance.choice([0, 0, 1, 3, 12, 70]))
        return {
            "email": f"{who}@example.com", "timestamp": int(moment.timestamp()), "event": kind,
            "sg_event_id": f"e{self.number()}", "lm_message_id": message_id, **extra,
        }  # fmt: skip
