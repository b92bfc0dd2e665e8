"""Who is a member at an instant: computed from the facts, without writing anything.

The middle of the stage. A segment's statement is a pure select of ``customer_id, occurrence, occurred_at,
context``. This module counts its rows, streams them, and writes them as CSV. `intervals` keeps them.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import IO, Any

import orjson
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.sql.selectable import TableValuedAlias

from lifecycle_mail.database import statement
from lifecycle_mail.errors import SegmentError
from lifecycle_mail.segments.compiling import Among, Kept, customers_of, everybody, members_of
from lifecycle_mail.segments.reading import Limits, let_read, limits_of, reading, written_out
from lifecycle_mail.segments.registry import INSTANT, Asked, SegmentDefinition, definition
from lifecycle_mail.segments.rules import InSegment, RuleSegment, leaves

CSV_HEADER = ("customer_id", "occurrence", "occurred_at", "context")
_ROWS_AT_A_TIME = 1_000
# Up to so many customers a segment is asked for them by name: a condition that reaches into its select.
_FEW = 20_000
MOST_CONDITIONS_IN_ALL = 240
_ASKED = sa.table("segment_asked", sa.column("customer_id", sa.Text()))
# A segment reads whole tables once per run. It needs memory for sorts and hashes, and a plan for all rows, not the
# first.
_PLANNING = ("set local work_mem = '64MB'", "set local cursor_tuple_fraction = 1")


@dataclass(frozen=True)
class Member:
    """One membership: a customer, and the occurrence that brought them in.

    `occurred_at` is in UTC. `context` is what a mail needs of the occurrence, as the segment's header says.
    """

    customer_id: str
    occurrence: str
    occurred_at: datetime
    context: dict[str, Any]


def members(
    engine: Engine,
    name: str,
    as_of: datetime,
    parameters: dict[str, Any] | None = None,
    limits: Limits | None = None,
) -> Iterator[Member]:
    """Return the members of segment `name` at `as_of`, by customer_id and occurrence (in code point order).

    Streams: rows are fetched a thousand at a time in one read-only transaction, which stays open until the last row.
    Without `limits`, those of the engine hold.

    Raises:
        SegmentError: at the call, for an unknown segment or parameter, or an `as_of` without time zone; at the first
            row, if the select is wrong or beyond its limits.
    """
    return _stream(engine, name, selected(name, as_of, parameters or {}), limits)


def _stream(engine: Engine, name: str, member: sa.Subquery, limits: Limits | None) -> Iterator[Member]:
    by_code_point = (sa.collate(member.c.customer_id, "C"), sa.collate(member.c.occurrence, "C"))
    ordered = sa.select(member).order_by(*by_code_point)
    with _read_only(engine, name, member, ordered, limits) as (connection, found):
        rows = connection.execute(
            sa.select(found), execution_options={"stream_results": True, "yield_per": _ROWS_AT_A_TIME}
        )
        for customer_id, occurrence, occurred_at, context in rows:
            yield Member(customer_id, occurrence, occurred_at.astimezone(UTC), context)


def size(
    engine: Engine,
    name: str,
    as_of: datetime,
    parameters: dict[str, Any] | None = None,
    limits: Limits | None = None,
) -> int:
    """Return how many memberships (customer and occurrence) segment `name` has at `as_of`.

    Raises:
        SegmentError: as `members`.
    """
    member = selected(name, as_of, parameters or {})
    with _read_only(engine, name, member, counted(member), limits) as (connection, found):
        return int(connection.execute(sa.select(found)).scalar_one())


def counted(member: sa.Subquery) -> sa.Select[Any]:
    """Return the select that counts the memberships."""
    return sa.select(sa.func.count(type_=sa.BigInteger()).label("members")).select_from(member)


def write_csv(engine: Engine, name: str, as_of: datetime, parameters: dict[str, Any] | None, stream: IO[str]) -> int:
    """Write the members of segment `name` at `as_of` to `stream` as CSV; return how many there were.

    Columns: customer_id, occurrence, occurred_at (ISO 8601, UTC), context (compact JSON). One line per member,
    in the order of `members`. The header is written even if there are no members.

    Raises:
        SegmentError: as `members`.
    """
    found = members(engine, name, as_of, parameters)
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(CSV_HEADER)
    count = 0
    for member in found:
        writer.writerow(_csv_row(member))
        count += 1
    return count


def _csv_row(member: Member) -> tuple[str, str, str, str]:
    context = orjson.dumps(member.context, option=orjson.OPT_SORT_KEYS).decode()
    return member.customer_id, member.occurrence, instant_text(member.occurred_at), context


def instant_text(at: datetime) -> str:
    """Return `at` as the product writes instants: ISO 8601 in UTC, with microseconds only if they are not zero."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def selected(
    name: Asked, as_of: datetime, given: dict[str, Any], among: Among = everybody, kept: Kept = frozenset()
) -> sa.Subquery:
    """Return the select of segment `name` at `as_of` as a subquery to count, order, join or insert from.

    `among` restricts it to some customers, and reaches into the select. Values of attributes in `kept` are read where
    they are kept.

    Raises:
        SegmentError: unknown segment or parameter, or an `as_of` without time zone.
    """
    if as_of.tzinfo is None:
        raise SegmentError(f"as_of {as_of.isoformat()} has no time zone: write it with an offset, e.g. …T10:00:00Z")
    segment = definition(name)
    _require_an_end(segment)
    return _selected(segment, as_of.astimezone(UTC), given, _Way(among, kept))


def _require_an_end(segment: SegmentDefinition) -> None:
    """Refuse rules that ask so many others, and these again others, that their select would have no end."""
    if segment.rules is not None and _conditions(segment, {}) > MOST_CONDITIONS_IN_ALL:
        raise SegmentError(
            f"segment {segment.name} has more than {MOST_CONDITIONS_IN_ALL} rules with those of the segments that it"
            " asks: take some in_segment out"
        )


def _conditions(segment: SegmentDefinition, known: dict[str, int]) -> int:
    """Return how many rules a segment has with those of others. A segment that asks itself is found elsewhere."""
    if segment.rules is None:
        return 1
    if segment.name not in known:
        known[segment.name] = 1
        asked = [definition(one.segment) if isinstance(one, InSegment) else None for one in leaves(segment.rules.rules)]
        known[segment.name] = sum(_conditions(one, known) if one else 1 for one in asked)
    return known[segment.name]


@dataclass(frozen=True)
class _Way:
    """How segments are asked: among which customers, with which kept values, and through which segments so far."""

    among: Among
    kept: Kept
    inside: tuple[str, ...] = ()

    def through(self, segment: str) -> _Way:
        return replace(self, inside=(*self.inside, segment))


def _selected(segment: SegmentDefinition, as_of: datetime, given: dict[str, Any], way: _Way) -> sa.Subquery:
    values, among = segment.values(given), way.among
    if segment.rules is not None:
        other = partial(_other, way.through(segment.name))
        return members_of(segment.rules, as_of, other, among, way.kept).subquery("member")
    # Rules may ask one segment twice, with other parameters: each of these has a name of its own in the statement.
    own: list[sa.BindParameter[Any]] = [sa.bindparam(name, value, unique=True) for name, value in values.items()]
    bound = statement(f"segments/{segment.name}").bindparams(*own, **{INSTANT: as_of})
    columns = bound.columns(
        customer_id=sa.Text(), occurrence=sa.Text(), occurred_at=sa.DateTime(timezone=True), context=JSONB()
    )
    if among is everybody:
        return columns.subquery("member")
    every = columns.subquery("every_member")
    return sa.select(every).where(among(every.c.customer_id)).subquery("member")


def _other(way: _Way, rule: InSegment, as_of: datetime, among: Among) -> sa.Subquery:
    """Return the members of a segment that rules ask for."""
    if rule.segment in way.inside:
        circle = " → ".join((*way.inside, rule.segment))
        raise SegmentError(f"these segments ask each other in a circle: {circle}: take one in_segment out")
    other = definition(rule.segment)
    if other.rules is not None:
        other.values(dict(rule.parameters))
        others = partial(_other, way.through(other.name))
        return customers_of(other.rules, as_of, others, among, way.kept).subquery("member")
    return _selected(other, as_of, dict(rule.parameters), replace(way, among=among))


def copy_members_ahead(
    connection: Connection, table: str, segment: str, given: dict[str, Any], as_of: datetime, days: int, customers: str
) -> int:
    """Create the temporary table `table` with the members that segment `segment` has with its `ahead` raised by `days`.

    Facts up to `as_of` count, as ever. `customers` is a select of the customer_ids it is asked for. Returns how many
    memberships there are.

    Raises:
        SegmentError: the segment cannot look ahead so far.
    """
    member = selected(segment, as_of, definition(segment).looking_ahead(given, days))
    asked = connection.exec_driver_sql(f"{customers} limit {_FEW + 1}").scalars().all()
    if len(asked) <= _FEW:
        chosen = member.c.customer_id == sa.any_(sa.literal(asked, ARRAY(sa.Text())))
    else:
        connection.exec_driver_sql(f"create temporary table segment_asked on commit drop as {customers}")
        let_read(connection, "segment_asked")
        chosen = member.c.customer_id.in_(sa.select(_ASKED.c.customer_id))
    with reading(connection, segment, member, sa.select(member).where(chosen)) as found:
        copied = copy_aside(connection, table, sa.select(found))
    if len(asked) > _FEW:
        connection.exec_driver_sql("drop table segment_asked")
    return copied


def fitting(connection: Connection, rules: RuleSegment, at: datetime, customers: Sequence[str]) -> list[str]:
    """Return those of the customers who meet the rules at `at`.

    Raises:
        SegmentError: as `members`.
    """
    found: list[str] = []
    for begin in range(0, len(customers), _FEW):
        member = selected(rules, at, {}, _one_of(customers[begin : begin + _FEW]))
        with reading(connection, rules.segment, member, sa.select(member.c.customer_id)) as chosen:
            found += connection.execute(sa.select(chosen)).scalars()
    return found


def require_segments(rules: RuleSegment) -> None:
    """Refuse rules that name a segment that is not there (SegmentError)."""
    for rule in leaves(rules.rules):
        if isinstance(rule, InSegment):
            definition(rule.segment).values(dict(rule.parameters))


def _one_of(customers: Sequence[str]) -> Among:
    few = sa.any_(sa.literal(list(customers), ARRAY(sa.Text())))
    return lambda column: column == few


def copy_aside(connection: Connection, table: str, rows: sa.Select[Any]) -> int:
    """Create the temporary table `table` with these rows, until the transaction ends; return how many."""
    compiled = rows.compile(dialect=connection.dialect)
    create = f"create temporary table {table} on commit drop as {compiled}"
    return connection.exec_driver_sql(create, compiled.params).rowcount


def copy_customers(
    connection: Connection, table: str, name: Asked, as_of: datetime, parameters: dict[str, Any] | None = None
) -> int:
    """Create the temporary table `table` with the customers of segment `name` at `as_of`, and their memberships.

    Columns: customer_id, memberships. It ends with the transaction. Returns how many customers there are.

    Raises:
        SegmentError: as `members`.
    """
    member = selected(name, as_of, parameters or {})
    who = member.c.customer_id
    times = sa.func.count(type_=sa.BigInteger()).label("memberships")
    counted = sa.select(who, times).select_from(member).group_by(who)
    plan_for_whole_tables(connection)
    limits = limits_of(connection).preview()
    with reading(connection, definition(name).name, member, counted, limits) as found:
        copied = copy_aside(connection, table, sa.select(found))
    connection.exec_driver_sql(f"analyze {table}")
    return copied


def shown_sql(connection: Connection, name: Asked, as_of: datetime) -> str:
    """Return the select of segment `name` at `as_of` as one can run it, for people to read.

    Raises:
        SegmentError: as `members`.
    """
    return written_out(connection, sa.select(selected(name, as_of, {})))


def plan_for_whole_tables(connection: Connection) -> None:
    """Set this transaction's planner settings for a segment's select; they end with the transaction."""
    for setting in _PLANNING:
        connection.execute(sa.text(setting))


@contextmanager
def _read_only(
    engine: Engine, name: str, member: sa.Subquery, query: sa.Select[Any], limits: Limits | None
) -> Iterator[tuple[Connection, TableValuedAlias]]:
    """Give a connection that writes nothing from here on, and `query` to select from."""
    with engine.connect() as connection:
        plan_for_whole_tables(connection)
        with reading(connection, name, member, query, limits) as found:
            connection.execute(sa.text("set transaction read only"))
            yield connection, found
