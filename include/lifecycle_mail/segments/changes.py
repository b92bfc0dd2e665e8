"""Which customers a refresh of rules has to look at again: those of whom a rule may say something else than before.

These are the customers whose facts changed since the last refresh, and those of whom a fact passed the edge of a window
in the meantime. A word that says in its header that time, or other people, change its value cannot be looked at in
part: then everything is read, as it is once a day in any case.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lifecycle_mail.database import run, statement
from lifecycle_mail.segments.compiling import Among, attribute_values, days_before, filtered_facts
from lifecycle_mail.segments.evaluation import copy_aside
from lifecycle_mail.segments.reading import let_read, reading
from lifecycle_mail.segments.rules import Did, InSegment, Is, RuleSegment, leaves
from lifecycle_mail.words import words_of

CHANGED = "segments/changed"
ALWAYS = ("customers", "moved")
READ_WHOLE_AFTER = timedelta(hours=24)
# With more customers than this share of all, reading everything costs less.
LARGEST_SHARE = 0.1
_TOUCHED = sa.table("segment_touched", sa.column("customer_id", sa.Text()))
_COUNT = sa.text("select count(*) > :share * (select count(*) from source.customer) from segment_touched")


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
    """Return the checksum of a segment's select: its text, and the values of its rules."""
    said = rules.model_dump_json(by_alias=True) if rules else ""
    return hashlib.md5(f"{sa.select(member).compile()}{said}".encode(), usedforsecurity=False).hexdigest()


def touched_since(
    connection: Connection, rules: RuleSegment, member: sa.Subquery, last: Refreshed, as_of: datetime
) -> Among | None:
    """Return what restricts a column to the customers to look at again; None = read everything. Times are in UTC.

    They stand in the temporary table segment_touched until the transaction ends.
    """
    if last.load_id is None or last.read_whole_at is None or as_of - last.read_whole_at >= READ_WHOLE_AFTER:
        return None
    is_new_month = (as_of.year, as_of.month) != (last.at.year, last.at.month)
    parts = None if rules.occurrence == "month" and is_new_month else _parts(rules, last, as_of)
    if parts is None:
        return None
    found = sa.union(*parts).subquery("touched")
    with reading(connection, rules.segment, member, sa.select(found.c.customer_id)) as rows:
        copy_aside(connection, "segment_touched", sa.select(rows))
    if connection.execute(_COUNT, {"share": LARGEST_SHARE}).scalar_one():
        connection.exec_driver_sql("drop table segment_touched")
        return None
    let_read(connection, "segment_touched")
    return _among


def _among(column: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    # One array for the whole statement. PostgreSQL moves a comparison with it into grouped subqueries, but not a join.
    some = sa.func.array(sa.select(_TOUCHED.c.customer_id).scalar_subquery())
    return column == sa.any_(some)


def _parts(rules: RuleSegment, last: Refreshed, as_of: datetime) -> list[sa.Select[Any]] | None:
    asked = list(leaves(rules.rules))
    if any(isinstance(one, InSegment) for one in asked):
        return None
    words = [*ALWAYS, *(word for one in asked if not isinstance(one, InSegment) for word in one.asks.changes)]
    known = words_of(CHANGED)
    if not set(words) <= set(known):
        return None
    seen = {"load_id": last.load_id, "batch_id": last.batch_id, "since": last.at, "as_of": as_of}
    parts = [_changed(word, seen) for word in dict.fromkeys(words)]
    for one in asked:
        parts += _passed(one, last.at, as_of)
    return parts


def _changed(word: str, seen: dict[str, Any]) -> sa.Select[Any]:
    text = statement(f"{CHANGED}/{word}")
    bound = text.bindparams(**{name: seen[name] for name in text.compile().params})
    rows = bound.columns(customer_id=sa.Text()).subquery(f"changed_{word}")
    return sa.select(rows.c.customer_id)


def _passed(rule: Is | Did | InSegment, since: datetime, as_of: datetime) -> Iterator[sa.Select[Any]]:
    """Yield who has a time that passed an edge of the rule's window between the two moments."""
    if isinstance(rule, Did):
        rows, conditions = filtered_facts(rule, as_of)
        edges = [days for days in (rule.within_days, *(rule.between_days or ())) if days is not None]
        for days in edges:
            passed = _between(rows.c.at, since, as_of, days)
            yield sa.select(rows.c.customer_id).where(*conditions, passed)
    elif isinstance(rule, Is) and rule.asks.type == "instant":
        values = attribute_values(rule.asks, as_of)
        sign = -1 if rule.asks.is_ahead else 1
        for days in _days(rule):
            passed = _between(values.c.value, since, as_of, sign * days)
            yield sa.select(values.c.customer_id).where(passed)


def _between(at: sa.ColumnElement[Any], since: datetime, as_of: datetime, days: float) -> sa.ColumnElement[bool]:
    return sa.and_(at >= days_before(since, days), at <= days_before(as_of, days))


def _days(rule: Is) -> Iterator[float]:
    for word, value in rule.asked().items():
        given = value if isinstance(value, list) else [value]
        yield from given
        if word in ("equals", "in", "not_in"):
            yield from (days + 1 for days in given)
