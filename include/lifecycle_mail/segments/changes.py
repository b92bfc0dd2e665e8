"""Which customers a refresh of rules has to look at again: those of whom a rule may say something else than before.

These are the customers whose facts changed since the last refresh, and those of whom a fact passed the edge of a window
in the meantime. If a word says in its header that time changes its value, include/sql/segments/passed/<attribute>.sql
gives the customers of whom it may have. Without that file everything is read. Of a word that other people change the
values are kept, and with them whose changed when (`kept`). Everything is read for a segment that asks one of SQL, and
once a day in any case.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.engine import Connection

from lifecycle_mail.database import run, statement
from lifecycle_mail.segments.compiling import (
    KEPT_VALUE,
    Among,
    Kept,
    attribute_values,
    days_before,
    every_fact,
    filtered_facts,
)
from lifecycle_mail.segments.reading import reading
from lifecycle_mail.segments.registry import definition
from lifecycle_mail.segments.rules import Did, InSegment, Is, Leaf, RuleSegment, leaves
from lifecycle_mail.segments.vocabulary import facts
from lifecycle_mail.words import words_of

CHANGED = "segments/changed"
PASSED = "segments/passed"
ALWAYS = ("customers", "moved")
READ_WHOLE_AFTER = timedelta(hours=24)
# With more customers than this, or than this share of all, reading everything costs less.
MOST_TOUCHED = 50_000
LARGEST_SHARE = 0.1
_CUSTOMERS = sa.text("select count(*) from source.customer")


@dataclass(frozen=True)
class Refreshed:
    """The last refresh of a segment, and what it had seen; `load_id` None = it is not known."""

    at: datetime
    load_id: int | None
    batch_id: int | None
    definition_md5: str | None
    read_whole_at: datetime | None


def last_refresh(connection: Connection, key: str) -> Refreshed | None:
    """Return what is known of the last refresh of a segment; None = there was none."""
    row = run(connection, "segments/refreshed_at", segment=key).one_or_none()
    if row is None:
        return None
    return Refreshed(
        row.refreshed_at.astimezone(UTC), row.load_id, row.batch_id, row.definition_md5, row.read_whole_at
    )


def definition_md5(member: sa.Subquery, rules: RuleSegment | None) -> str:
    """Return the checksum of a segment's select: its text, and the values of its rules and of those that they ask."""
    every = [rules, *_asked_by(rules)] if rules else []
    said = "".join(one.model_dump_json(by_alias=True) for one in every)
    return hashlib.md5(f"{sa.select(member).compile()}{said}".encode(), usedforsecurity=False).hexdigest()


def touched_since(
    connection: Connection,
    rules: RuleSegment,
    member: sa.Subquery,
    last: Refreshed,
    as_of: datetime,
    kept: Kept,
) -> Among | None:
    """Return what restricts a column to the customers to look at again; None = read everything. Times are in UTC.

    `kept`: the attributes whose values are kept for `as_of`, with whose value changed when.
    """
    if last.load_id is None or last.read_whole_at is None or as_of - last.read_whole_at >= READ_WHOLE_AFTER:
        return None
    is_new_month = (as_of.year, as_of.month) != (last.at.year, last.at.month)
    parts = None if rules.occurrence == "month" and is_new_month else _parts(rules, last, as_of, kept)
    if parts is None:
        return None
    found = sa.union(*parts).subquery("touched")
    with reading(connection, rules.segment, member, sa.select(found.c.customer_id).limit(MOST_TOUCHED + 1)) as rows:
        touched = connection.execute(sa.select(rows)).scalars().all()
    most = min(MOST_TOUCHED, LARGEST_SHARE * connection.execute(_CUSTOMERS).scalar_one())
    return partial(_among, touched) if len(touched) <= most else None


def _among(touched: Sequence[str], column: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    # PostgreSQL moves a comparison with an array into grouped subqueries, but not a join. It hashes an array, and knows
    # how long it is, only if the array is a constant.
    return column == sa.any_(sa.literal(touched, ARRAY(sa.Text())))


def _parts(rules: RuleSegment, last: Refreshed, as_of: datetime, kept: Kept) -> list[sa.Select[Any]] | None:
    asked = _asked(rules)
    if any(isinstance(one, InSegment) and definition(one.segment).rules is None for one in asked):
        return None
    words = [one for one in _words(asked) if not (isinstance(one, Is) and one.attribute in kept)]
    feeds = dict.fromkeys([*ALWAYS, *(word for one in words for word in _feeds(one))])
    if not set(feeds) <= set(words_of(CHANGED)):
        return None
    seen = {"load_id": last.load_id, "batch_id": last.batch_id, "since": last.at, "as_of": as_of}
    parts = [_customers(f"{CHANGED}/{feed}", seen) for feed in feeds]
    for one in words:
        parts += _passed(one, last.at, as_of)
    for name in dict.fromkeys(one.attribute for one in words if isinstance(one, Is)):
        if name in words_of(PASSED):
            parts.append(_customers(f"{PASSED}/{name}", seen))
    return [*parts, *_with_other_values(kept, last)]


def _with_other_values(kept: Kept, last: Refreshed) -> Iterator[sa.Select[Any]]:
    """Yield whose kept value changed since the last refresh, or at its moment by rows that were loaded afterwards."""
    if kept:
        changed = sa.and_(KEPT_VALUE.c.attribute.in_(sorted(kept)), KEPT_VALUE.c.changed_at >= last.at)
        yield sa.select(KEPT_VALUE.c.customer_id).where(changed)


def asked_words(rules: RuleSegment) -> list[Is | Did]:
    """Return the rules about attributes and facts, with those of the segments of rules that they ask."""
    return _words(_asked(rules))


def _asked(rules: RuleSegment) -> list[Leaf]:
    """Return the rules, and those of the segments of rules that they ask, without their groups."""
    return [one for some in (rules, *_asked_by(rules)) for one in leaves(some.rules)]


def _words(asked: Iterable[Leaf]) -> list[Is | Did]:
    return [one for one in asked if not isinstance(one, InSegment)]


def _asked_by(rules: RuleSegment) -> Iterator[RuleSegment]:
    """Yield the rules of the segments that `rules` ask, and of those that these ask."""
    for one in leaves(rules.rules):
        other = definition(one.segment).rules if isinstance(one, InSegment) else None
        if other is not None:
            yield other
            yield from _asked_by(other)


def _feeds(rule: Is | Did) -> list[str]:
    """Return the feeds that change a word's value, with `time` only if no file tells whose value it changes."""
    told = isinstance(rule, Is) and rule.attribute in words_of(PASSED)
    return [word for word in rule.asks.changes if not (told and word == "time")]


def _customers(name: str, seen: dict[str, Any]) -> sa.Select[Any]:
    text = statement(name)
    bound = text.bindparams(**{name: seen[name] for name in text.compile().params})
    rows = bound.columns(customer_id=sa.Text()).subquery(name.replace("/", "_"))
    return sa.select(rows.c.customer_id)


def _passed(rule: Is | Did, since: datetime, as_of: datetime) -> Iterator[sa.Select[Any]]:
    """Yield who has a time that passed an edge of the rule's window between the two moments."""
    if isinstance(rule, Did):
        rows, conditions = filtered_facts(rule, as_of)
        edges = [days for days in (rule.within_days, *(rule.between_days or ())) if days is not None]
        for days in edges:
            passed = _between(rows.c.at, since, as_of, days)
            yield sa.select(rows.c.customer_id).where(*conditions, passed)
    elif rule.asks.type == "instant":
        yield from _passed_instant(rule, since, as_of)


def _passed_instant(rule: Is, since: datetime, as_of: datetime) -> Iterator[sa.Select[Any]]:
    """Yield whose instant passed an edge. If the attribute names its fact, an index of times finds them."""
    away = [-days if rule.asks.is_ahead else days for days in _days(rule)]
    if rule.asks.time_of is not None:
        rows = every_fact(facts()[rule.asks.time_of], as_of)
        for days in away:
            yield sa.select(rows.c.customer_id).where(_between(rows.c.at, since, as_of, days))
    elif away:
        values = attribute_values(rule.asks, as_of)
        passed = [_between(values.c.value, since, as_of, days) for days in away]
        yield sa.select(values.c.customer_id).where(sa.or_(*passed))


def _between(at: sa.ColumnElement[Any], since: datetime, as_of: datetime, days: float) -> sa.ColumnElement[bool]:
    return sa.and_(at >= days_before(since, days), at <= days_before(as_of, days))


def _days(rule: Is) -> Iterator[float]:
    for word, value in rule.asked().items():
        given = value if isinstance(value, list) else [value]
        yield from given
        if word in ("equals", "in", "not_in"):
            yield from (days + 1 for days in given)
