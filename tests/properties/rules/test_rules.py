"""Rules find whom their definitions mean, and an hourly refresh that asks only touched customers finds the same.

A world changes from hour to hour by the real loads, ingests and erasures. After each hour every rule is judged three
times: by the whole select, in plain Python (`by_the_definitions`), and by the refresh of the changes.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from by_the_definitions import Judge
from random_world import DAYS, World
from sqlalchemy.engine import Engine

from builders import rows
from lifecycle_mail import segments
from lifecycle_mail.segments import changes
from lifecycle_mail.segments.vocabulary import attributes, facts
from suite_budget import with_long

BEGIN = datetime(2026, 3, 31, 8, tzinfo=UTC)  # the month changes on the way
WITHOUT_A_SECOND = {"permission", "rfm_group"}
"""Their definitions are long, and have cases of their own in tests/sql."""
WORDS = {
    "country": ["TH", "TW", "BR", "JP"], "city": ["A", "B"], "region": ["N", "S"], "currency": ["EUR", "USD"],
    "tier": ["gold", "silver"], "signup_source": ["shop", "fair"], "language": ["th", "en", "he"],
    "locale": ["th-TH", "en"], "timezone": ["Asia/Tokyo", "Asia/Bangkok"], "last_promo_code": ["SPRING", "AUTUMN"],
    "favourite_product_type": ["coffee", "tea"], "hemisphere": ["north", "south"],
    "product_id": ["p0", "p1", "p5"], "product_type": ["coffee", "tea"], "category": ["Baby", "Home"],
    "topic": ["sale", "brew", "w0", "w1"],
}  # fmt: skip
NUMBERS: dict[str, list[float]] = {
    "total": [0, 10, 49.99], "rating": [1, 2, 4.5], "price_sensitivity": [0, 0.5, 1], "age": [26, 27, 45, 46],
    "total_spent": [0, 10, 59.99, 110], "average_order": [10, 29.995], "birthday_month": [3, 4, 5],
}  # fmt: skip
Rule = dict[str, Any]
ASKED_EACH_TIME: list[Rule] = [
    {"did": "ordered", "within_days": 7}, {"did": "viewed", "between_days": [1, 7], "at_most": 1},
    {"is": "last_order_days_ago", "at_least": 7}, {"is": "orders", "at_most": 1}, {"is": "open_cart"},
    {"did": "ordered", "product_type": "coffee", "category": ["Baby"]}, {"is": "country", "in": ["TH", "TW"]},
    {"is": "returns", "at_least": 1},
]  # fmt: skip


class Wishes:
    """Random rules over the words of the vocabulary."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.words = sorted(set(attributes()) - WITHOUT_A_SECOND)

    def segment(self, number: int) -> Rule:
        if number < len(ASKED_EACH_TIME):
            return {"all": [ASKED_EACH_TIME[number]]}
        return {"all": [self.group(2) if self.chance.random() < 0.4 else self.leaf()]}

    def group(self, depth: int) -> Rule:
        words = self.chance.sample(["all", "any", "none"], self.chance.choice((1, 1, 2)))
        return {word: [self.inner(depth) for _ in range(self.chance.randint(1, 2))] for word in words}

    def inner(self, depth: int) -> Rule:
        return self.group(depth - 1) if depth and self.chance.random() < 0.3 else self.leaf()

    def leaf(self) -> Rule:
        return self.fact() if self.chance.random() < 0.5 else self.attribute()

    def attribute(self) -> Rule:
        name = self.chance.choice(self.words)
        asked = attributes()[name]
        rule: Rule = {"is": name}
        if self.chance.random() < 0.15:
            return {**rule, "known": self.chance.random() < 0.5}
        if asked.type == "boolean":
            return {**rule, "equals": self.chance.random() < 0.5}
        if asked.has_currency and self.chance.random() < 0.5:
            rule["currency"] = self.chance.choice(("EUR", "USD", "XXX"))
        if asked.type == "text":
            return rule | self.of_texts(list(asked.values) or WORDS[name])
        return rule | self.of_numbers(list(DAYS[1:]) if asked.type == "instant" else NUMBERS.get(name, [0, 1, 2, 5]))

    def of_texts(self, known: list[str]) -> Rule:
        word = self.chance.choice(("equals", "in", "not_in"))
        return {word: self.chance.choice(known) if word == "equals" else self.chance.sample(known, 2)}

    def of_numbers(self, known: list[float]) -> Rule:
        word = self.chance.choice(("equals", "in", "not_in", "at_least", "at_most", "between"))
        two = sorted(self.chance.sample(known, 2))
        return {word: two if word in ("in", "not_in", "between") else two[0]}

    def fact(self) -> Rule:
        fact = self.chance.choice(list(facts().values()))
        rule: Rule = {"did": fact.name}
        for name in fact.filters:
            if self.chance.random() < 0.25:
                of_words = self.of_texts(["EUR", "USD", "XXX"] if name == "currency" else WORDS.get(name, ["", ""]))
                rule[name] = self.of_numbers(NUMBERS[name]) if name in NUMBERS else of_words
        rule |= self.chance.choice((
            {}, {}, {"at_least": 2}, {"at_most": 1}, {"at_most": 0}, {"exactly": 1}, {"exactly": 0},
            {"at_least": 1, "at_most": 2},
        ))  # fmt: skip
        near, far = sorted(self.chance.sample(DAYS, 2))
        within: Rule = {"within_days": far}
        return rule | self.chance.choice(({}, within, within, {"between_days": [near, far]}))


def _write(folder: Path, wishes: Wishes, number: int) -> tuple[str, Rule]:
    rules = wishes.segment(number)
    occurrence = wishes.chance.choice(("entry", "month", "once"))
    head = {"segment": f"asked_{number}", "what": "Asked for.", "owner": "marketing@example.com"}
    path = folder / f"asked_{number}.yaml"
    path.write_text(yaml.safe_dump({**head, "occurrence": occurrence, "rules": rules}), encoding="utf-8")
    return str(path), rules


def _inside(warehouse: Engine, path: str) -> set[tuple[str, str]]:
    query = "select customer_id, occurrence from segment.membership where segment = :segment and left_at is null"
    with warehouse.connect() as connection:
        return {(who, of) for who, of in rows(connection, query, segment=Path(path).stem)}


SHORT = [(1, 10, 10)]
LONG = [(seed, 30, 40) for seed in range(2, 14)]


@pytest.mark.parametrize(("seed", "wishes", "hours"), with_long(SHORT, LONG))
def test_rules_find_whom_they_mean(
    warehouse: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int, wishes: int, hours: int
) -> None:
    """At every hour, and at an earlier moment with the facts of now."""
    monkeypatch.setattr(changes, "LARGEST_SHARE", 1.0)  # else a world as small as this is always read whole
    drawn = Wishes(seed)
    asked = [_write(tmp_path, drawn, number) for number in range(wishes)]
    world = World(warehouse, tmp_path, seed, BEGIN, people=12)
    for hour in range(hours):
        if hour:
            world.live()
        judge, before = Judge(world, world.now), Judge(world, drawn.chance.choice((BEGIN, world.moment())))
        for path, rules in asked:
            segments.refresh(warehouse, path, world.now)
            found = {(one.customer_id, one.occurrence) for one in segments.members(warehouse, path, world.now)}
            assert {who for who, _ in found} == judge.members(rules), (rules, world.now)
            assert _inside(warehouse, path) == found, (rules, world.now)
        path, rules = drawn.chance.choice(asked)
        past = {one.customer_id for one in segments.members(warehouse, path, before.as_of)}
        assert past == before.members(rules), (rules, before.as_of)


def test_every_word_has_a_second_definition() -> None:
    """A new attribute or fact is judged in plain Python too, or it is named with those that have cases alone."""
    columns = {"country", "region", "city", "currency", "tier", "signup_source", "locale"}
    words = {*attributes(), *facts()} - WITHOUT_A_SECOND - columns - {"total_spent", "average_order"}
    assert {word for word in words if not hasattr(Judge, word)} == set()
