"""Read a segment's select with the rights of lifecycle_segments, in limited time.

What a segment's file says is not trusted. Every place that runs one does it by `reading`:

- The whole statement around the select is written out as a text, and segment.read_select runs the text with its
  owner's rights. The owner can only select. The text cannot get any other rights.
- Before that, the server says what the text would do (segment.weigh_select). It must be one statement. It names no
  function that changes something, or that reaches files or the server. Its cost is within the limit.
- The statement that reads it ends after the seconds of the limit.

The limits ride on the engine (`limited`), so that each stage that asks a segment keeps to them.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, cast

import psycopg2
import sqlalchemy as sa
from psycopg2.extensions import encodings
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.selectable import TableValuedAlias

from lifecycle_mail.database import files_in, raw_cursor, run, sent, without_values
from lifecycle_mail.errors import SegmentError
from lifecycle_mail.schema import READER, STAGES

PREVIEW_SECONDS = 30.0
COLUMNS = {
    "customer_id": "text",
    "occurrence": "text",
    "occurred_at": "timestamp with time zone",
    "context": "jsonb",
}
Query = sa.Select[*tuple[Any, ...]]

_LIMITS = "segment_limits"
_LONGEST = 2**31 - 1  # milliseconds
_KNOWN_AT_MOST = 10_000
logger = logging.getLogger(__name__)

# Texts, without their values, that named nothing but what every warehouse permits: they are not looked into again.
_known: set[str] = set()

# Failures that are not the select's: the connection, resources, locks, a server that stops.
_NOT_ITS_FAULT = ("08", "40", "53", "55", "57", "58", "XX")
_CANCELLED = "57014"
_ADVICE = {
    "21": "correct the file",
    "22": "the value is in the rows that it reads; let the file handle it",
    "23502": "customer_id, occurrence, occurred_at and context always have a value",
    "23505": "a customer and occurrence may come once: group by them, or take distinct ones",
    "25006": "a segment must not change anything",
    "0A000": "a segment must be one select, without locks and changes",
    "42P11": "a segment must be one select",
    "42P01": "check the name, and write its schema before it",
    "42501": f"{READER} may not use it; docs/runbook.md, Segments, says what it may use",
}


@dataclass(frozen=True)
class Limits:
    """What one statement that reads a segment may take: seconds, and cost by the server's planner before it runs."""

    seconds: float = 300.0
    cost: float = 1e9

    @property
    def milliseconds(self) -> int:
        """Return the seconds as the server takes them; 0 would be no limit."""
        return max(1, min(int(self.seconds * 1000), _LONGEST))

    def preview(self) -> Limits:
        """Return the limits for a person who waits for the answer."""
        return replace(self, seconds=min(self.seconds, PREVIEW_SECONDS))


def limited(engine: Engine, limits: Limits) -> None:
    """Let all connections of `engine` keep to these limits."""
    engine.update_execution_options(**{_LIMITS: limits})


def limits_of(connection: Connection) -> Limits:
    """Return the limits of a connection."""
    return cast(Limits, connection.get_execution_options().get(_LIMITS, Limits()))


@contextmanager
def reading(
    connection: Connection,
    segment: str,
    member: sa.Subquery,
    query: Query,
    limits: Limits | None = None,
    columns: Mapping[str, str] = COLUMNS,
) -> Iterator[TableValuedAlias]:
    """Give `query` as something to select from, for statements that run in this block.

    `query` is any select around `member`, the select of the segment called `segment`. It may be the text of a file or a
    select made of rules. The names and types of the columns of `query` must be true. Rows keep its order. `columns` are
    those that `member` may have.

    Raises:
        SegmentError: the select is wrong, names what it may not, costs too much, or takes too long. The message has
            file and line if the server says them, and no values.
    """
    allowed = limits or limits_of(connection)
    began = time.monotonic()
    try:
        before = _set_timeout(connection, f"{allowed.milliseconds}ms")
        _require_sound(connection, segment, member, columns)
        text = _weighed(connection, segment, query, allowed)
        yield _found(query, text)
        _set_timeout(connection, before)
    except DBAPIError as error:
        refused = _refusal(segment, error, allowed, time.monotonic() - began)
        if refused is None:
            raise
        raise refused from None


def let_read(connection: Connection, table: str) -> None:
    """Let segments read a temporary table of this transaction; `table` is a name from this code."""
    reader = run(connection, "segments/reader").scalar_one()
    connection.exec_driver_sql(f"grant select on pg_temp.{table} to {reader}")


def _found(query: Query, text: str) -> TableValuedAlias:
    columns = [sa.column(column.name, column.type) for column in query.selected_columns]
    called = sa.func.segment.read_select(sa.literal(text, sa.Text()))
    return called.table_valued(*columns, name="found").render_derived(with_types=True)


def _set_timeout(connection: Connection, length: str) -> str:
    """Set this transaction's time limit of a statement; return the former."""
    return str(run(connection, "segments/limit_time", length=length).scalar_one())


def _require_sound(
    connection: Connection, segment: str, member: sa.Subquery, columns: Mapping[str, str]
) -> None:
    """Refuse a select that has other columns than a segment, or that names what it may not."""
    query = sa.select(member)
    key = _key(query, connection)
    if key in _known:
        return
    weighed = _weigh(connection, segment, written_out(connection, query), looks_inside=True)
    wrong = {name: kind for name, kind in weighed.columns.items() if columns.get(name) != kind}
    for name, kind in wrong.items():
        raise SegmentError(f"segment {segment} gives {name} as {kind}: cast it to {columns.get(name)}")
    _remember(key, weighed)


def _weighed(connection: Connection, segment: str, query: Query, allowed: Limits) -> str:
    """Return the text of `query`, if it names only what it may and costs no more than allowed."""
    text, key = written_out(connection, query), _key(query, connection)
    weighed = _weigh(connection, segment, text, looks_inside=key not in _known)
    if weighed.cost > allowed.cost:
        raise SegmentError(
            f"segment {segment} would cost {weighed.cost:.3g} by the planner's estimate, and the limit is "
            f"{allowed.cost:.3g}: look for a join without a condition, or raise LIFECYCLE_SEGMENT_COST"
        )
    _remember(key, weighed)
    return text


def _weigh(connection: Connection, segment: str, text: str, *, looks_inside: bool) -> sa.Row[Any]:
    given = {"query": text, "looks_inside": looks_inside, "schemas": list(STAGES.values())}
    weighed = run(connection, "segments/weigh_select", **given).one()
    if weighed.is_superuser:
        raise SegmentError(
            f"segment {segment} was not read: segment.read_select belongs to a superuser. Run `migrate`, or make "
            f"{READER} its owner (docs/runbook.md, Segments)"
        )
    if weighed.refused:
        raise SegmentError(
            f"segment {segment} uses {', '.join(weighed.refused)}: a segment may call functions that are immutable or "
            f"stable and reach neither files nor the server; take it out, or grant it to {READER} by name"
        )
    if looks_inside and weighed.reader != READER:
        logger.warning(
            "segments are read with the rights of %s: the role %s is missing, because the user of `migrate` may not "
            "create roles. docs/runbook.md, Segments, says how to create it", weighed.reader, READER,
        )  # fmt: skip
    return weighed


def _key(query: Query, connection: Connection) -> str:
    return hashlib.sha256(str(query.compile(dialect=connection.dialect)).encode()).hexdigest()


def _remember(key: str, weighed: sa.Row[Any]) -> None:
    """Remember a text that nothing but this version permits; what a grant of one warehouse permits is asked again."""
    if weighed.needs_grants:
        return
    if len(_known) >= _KNOWN_AT_MOST:
        _known.clear()
    _known.add(key)


def written_out(connection: Connection, query: Query) -> str:
    """Return the statement with its values in place, each quoted by the driver, as it is sent at other times."""
    compiled = query.compile(dialect=connection.dialect, compile_kwargs={"render_postcompile": True})
    values = {name: _driver_value(compiled, name, value) for name, value in compiled.params.items()}
    with raw_cursor(connection) as cursor:
        text: bytes = cursor.mogrify(str(compiled), values)
        return text.decode(encodings[cursor.connection.encoding])


def _driver_value(compiled: Any, name: str, value: Any) -> Any:
    bind = compiled.binds.get(name)
    process = bind.type.dialect_impl(compiled.dialect).bind_processor(compiled.dialect) if bind is not None else None
    return process(value) if process is not None else value


def _refusal(segment: str, error: DBAPIError, allowed: Limits, seconds: float) -> SegmentError | None:
    """Return what to say of the server's error; None if it is not the select's fault."""
    cause = error.orig
    code = cause.pgcode if isinstance(cause, psycopg2.Error) else None
    if code == _CANCELLED and seconds >= allowed.seconds:
        return SegmentError(
            f"segment {segment} took longer than {allowed.seconds:g} s and was stopped: make its select lighter, or "
            "raise LIFECYCLE_SEGMENT_SECONDS"
        )
    if code is None or code.startswith(_NOT_ITS_FAULT):
        return None
    assert isinstance(cause, psycopg2.Error)
    said = without_values(cause) if not code.startswith("P0") else f"it raised an error of its own (SQLSTATE {code})"
    advice = _ADVICE.get(code) or _ADVICE.get(code[:2], "correct it there")
    return SegmentError(f"{_where(segment, cause, said)}{said}: {advice}")


def _where(segment: str, cause: psycopg2.Error, said: str) -> str:
    """Return what is to stand before the reason: nothing if it begins with the file already."""
    if said.startswith("include/sql/"):
        return ""
    files = [name for name in files_in(cause.diag.internal_query or sent(cause)) if name == f"segments/{segment}"]
    return f"include/sql/{files[0]}.sql: " if files else f"segment {segment}: "
