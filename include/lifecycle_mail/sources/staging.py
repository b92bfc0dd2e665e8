"""The staging tables of one file: `staged` (rows that keep the contract) and `refused` (rows set aside).

Stage 1 of the path. Both are temporary and end with the transaction, so a killed load leaves nothing.
`staged` has the types of the feed's table, so values are compared in the form in which they are stored. The statements
here are the same for every feed and take their names from its contract, never from a file. Statements special to one
feed are files in include/sql/sources.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from psycopg2 import sql
from sqlalchemy.engine import Connection

from lifecycle_mail.database import copy_in, raw_cursor, run, scalar
from lifecycle_mail.sources.contract import Feed
from lifecycle_mail.sources.row_validation import CheckedRows
from lifecycle_mail.sources.rows import storable
from lifecycle_mail.sources.words import Word

# A merge joins and groups whole files; with the default of 4 MB it would go through disk. And a small file is looked
# up by index, although the planner's defaults for a spinning disk would read the whole table.
_SETTINGS = ("set local work_mem = '64MB'", "set local random_page_cost = 1.1")

_CREATE_STAGED = sql.SQL("""
create temporary table staged on commit drop as
select cast(0 as bigint) as line, cast('' as text) as row_text, cast(null as text[]) as absent, {columns}
from {target} with no data
""")

_SET_DUPLICATES_ASIDE = sql.SQL("""
with last_line as (
    select {key}, max(line) as line from staged group by {key} having count(*) > 1
),
superseded as (
    delete from staged using last_line
    where {same_key} and staged.line < last_line.line
    returning staged.*
)
insert into refused (line, reason, detail, row_text, customer_id)
select line, 'duplicate_key', 'a later row has the same ' || %(key)s, row_text, {whose} from superseded
""")

# A fact about an erased person is not learned any more. Without erased people this is one look at an index.
_SET_ERASED_ASIDE = sql.SQL("""
with erased as (
    delete from staged
    where exists (select 1 from source.erased_address) and {is_theirs}
    returning staged.*
),
remembered as (
    insert into source.erased_fact (feed, fact_id)
    select distinct %(feed)s, erased.{fact_id}::text from erased where %(has_parts)s
    on conflict do nothing
)
insert into refused (line, reason, detail, customer_id)
select line, 'erased', 'the person was erased', {whose} from erased
""")
_OF_ERASED = sql.SQL("staged.customer_id in (select erased.customer_id from source.erased_customer as erased)")
_PART_OF_ERASED = sql.SQL("""(
    staged.{whole_id} in (
        select whole.{whole_id} from {whole} as whole
        inner join source.erased_customer as erased on whole.customer_id = erased.customer_id
    )
    or staged.{whole_id} in (select fact_id from source.erased_fact where feed = %(whole_feed)s)
)""")

# Most rows of a key are alone with it; only the others are numbered, behind the largest number that the file gives.
_NUMBER_ROWS = sql.SQL("""
update staged set {number} = counted.largest + counted.place
from (
    select line, max({number}) over (partition by {rest}) as largest, {number} as given,
        row_number() over (partition by {rest}, {number} order by line) - 1 as place
    from staged
    where ({rest}) in (select {rest} from staged where {number} = 0 group by {rest} having count(*) > 1)
) as counted
where staged.line = counted.line and counted.given = 0 and counted.place > 0
""")

_DROP_REPLACED = sql.SQL("""
delete from {target} as kept
where exists (select 1 from staged where {same_part})
    and not exists (select 1 from staged where {same_key})
""")

_UPDATE_CHANGED = sql.SQL("""
update {target} as kept set {assignments}, load_id = %(load_id)s
from staged
where {same_key} and ({told_columns}) is distinct from ({kept_columns})
""")

_INSERT_NEW = sql.SQL("""
insert into {target} ({columns}, {load_columns})
select {staged_columns}, {load_values} from staged
where not exists (select 1 from {target} as kept where {same_key})
""")


_KEEP_UNREAD = sql.SQL("""
update staged set {column} = kept.{column}
from unread_value, {target} as kept
where unread_value.line = staged.line and unread_value.column_name = %(column)s and {same_key}
""")


# A row of the file takes over what the last row before it of the same key says of a column that it does not have.
_TAKE_OVER_ABSENT = sql.SQL("""
with again as (
    select {key} from staged group by {key} having count(*) > 1
),
told as (
    select distinct on ({staged_key}) {staged_key}, staged.{column}
    from staged inner join again on {same_key_again}
    where %(column)s <> all(coalesce(staged.absent, '{{}}'))
        and not exists (
            select 1 from unread_value
            where unread_value.line = staged.line and unread_value.column_name = %(column)s and unread_value.is_kept
        )
    order by {staged_key}, staged.line desc
)
update staged set {column} = told.{column}, absent = array_remove(staged.absent, %(column)s)
from told
where {same_key_told} and %(column)s = any(staged.absent)
""")

_KEEP_ABSENT = sql.SQL("""
update staged set {assignments}
from {target} as kept
where {same_key} and staged.absent is not null
""")
# What stands of them is computed from the log of consent.
_SETTLED_BY_LOG = ("permission", "permission_at")


def plan_for_files(connection: Connection) -> None:
    """Set this transaction's planner settings for statements over one file; they end with the transaction."""
    for setting in _SETTINGS:
        connection.exec_driver_sql(setting)


def create_staging(connection: Connection, feed: Feed) -> None:
    """Create empty `staged` and `refused` for `feed`, until the transaction ends."""
    stored = [sql.Identifier(name) for name in feed.stored_names]
    proofs = [sql.SQL("cast(null as text) as {}").format(sql.Identifier(name)) for name in feed.proof_names]
    columns = sql.SQL(", ").join([*stored, *proofs])
    plan_for_files(connection)
    _execute(connection, _CREATE_STAGED.format(columns=columns, target=_target(feed)))
    run(connection, "sources/create_refused")
    run(connection, "sources/create_unread_values")
    if feed.tells_permission:
        run(connection, "sources/create_words")
    if feed.tells_cart_status:
        run(connection, "sources/create_unread_carts")


def stage(connection: Connection, feed: Feed, rows: CheckedRows) -> None:
    """COPY one chunk into the staging tables."""
    if rows.lines:
        columns = ["line", "row_text", "absent", *feed.column_names]
        _copy(connection, "staged", columns, zip(rows.lines, rows.texts, rows.absent, *rows.columns, strict=True))
    if rows.refused:
        columns = ["line", "reason", "detail", "row_text", "customer_id", "is_loaded"]
        aside = (
            (row.line, row.reason, row.detail, _storable(row.text), _storable(row.customer_id), row.is_loaded)
            for row in rows.refused
        )
        _copy(connection, "refused", columns, aside)
    if rows.unread:
        _copy(connection, "unread_value", ["line", "column_name", "is_kept"], rows.unread)
    if rows.words:
        stage_words(connection, rows.words)
    if rows.carts:
        _copy(connection, "unread_cart", ["line", "cart_id"], rows.carts)


def stage_words(connection: Connection, words: Sequence[Word]) -> None:
    """COPY what refused and incomplete rows say about permission."""
    _copy(connection, "permission_word", Word._fields, words)


def set_erased_aside(connection: Connection, feed: Feed, whole: Feed | None, has_parts: bool) -> None:
    """Move staged rows about erased people to `refused`, without their text; of any feed but the customers'.

    A row is about the customer whom it names, or it is a part of a row of the feed `whole` (an order's line), stored or
    set aside. `has_parts`: rows of this feed have parts, which may come later.
    """
    if not feed.tells_customer and (whole is None or not whole.tells_customer):
        return
    is_theirs: sql.Composable = _OF_ERASED
    if not feed.tells_customer and whole is not None:
        is_theirs = _PART_OF_ERASED.format(whole=_target(whole), whole_id=sql.Identifier(whole.key[0]))
    statement = _SET_ERASED_ASIDE.format(
        is_theirs=is_theirs,
        fact_id=sql.Identifier(feed.key[0]),
        whose=sql.Identifier("customer_id") if feed.tells_customer else sql.SQL("null"),
    )
    _execute(
        connection, statement, feed=feed.name, has_parts=has_parts, whole_feed=whole.name if whole else ""
    )  # fmt: skip


def forget_erased(connection: Connection, feed: Feed) -> None:
    """Empty the staged columns that name an erased person whom a row is about besides its customer."""
    for name in feed.also_about:
        _execute(connection, _FORGET_ERASED.format(column=sql.Identifier(name)))


def erase_mentions(connection: Connection, feed: Feed, customer_id: str) -> None:
    """Empty the columns that name a customer whom rows of other customers are about too."""
    for name in feed.also_about:
        statement = _ERASE_MENTIONS.format(target=_target(feed), column=sql.Identifier(name))
        _execute(connection, statement, customer_id=customer_id)


_FORGET_ERASED = sql.SQL("""
update staged set {column} = null
where staged.{column} in (select erased.customer_id from source.erased_customer as erased)
""")
_ERASE_MENTIONS = sql.SQL("update {target} set {column} = null where {column} = %(customer_id)s")


def erase_texts(connection: Connection, feed: Feed, customer_id: str, words: Sequence[str]) -> None:
    """Empty the free texts of a feed's rows about a customer; one that may not be empty only if it shows a word."""
    for column in feed.personal_texts if feed.tells_customer else ():
        statement = _ERASE_REQUIRED if column.required else _ERASE_OPTIONAL
        _execute(
            connection, statement.format(target=_target(feed), column=sql.Identifier(column.name)),
            customer_id=customer_id, words=list(words), default=column.default,
        )  # fmt: skip


_ERASE_OPTIONAL = sql.SQL("""
update {target} set {column} = %(default)s
where customer_id = %(customer_id)s and {column} is distinct from %(default)s
""")
_ERASE_REQUIRED = sql.SQL("""
update {target} set {column} = 'erased'
where customer_id = %(customer_id)s and exists (
    select 1 from unnest(%(words)s::text[]) as said (word) where strpos(lower({column}), said.word) > 0
)
""")


def number_rows(connection: Connection, feed: Feed) -> None:
    """Give staged rows without a number (0) that share the rest of their key one each, in the order of the file."""
    if feed.numbers:
        rest = sql.SQL(", ").join(sql.Identifier(name) for name in feed.key if name != feed.numbers)
        _execute(connection, _NUMBER_ROWS.format(number=sql.Identifier(feed.numbers), rest=rest))


def set_duplicates_aside(connection: Connection, feed: Feed) -> None:
    """Move rows whose key occurs again on a later line from `staged` to `refused`."""
    whose = sql.Identifier("customer_id") if "customer_id" in feed.column_names else sql.SQL("null")
    statement = _SET_DUPLICATES_ASIDE.format(
        key=sql.SQL(", ").join(map(sql.Identifier, feed.key)),
        same_key=_equal(feed.key, "staged", "last_line"),
        whose=whose,
    )
    _execute(connection, statement, key=", ".join(feed.key))


def keep_unread_values(connection: Connection, feed: Feed) -> None:
    """Replace staged values that could not be read with the stored ones, so that a known row keeps what it had."""
    unread = run(connection, "sources/unread_columns").scalars().all()
    for column in [name for name in unread if name in feed.stored_names]:
        statement = _KEEP_UNREAD.format(
            column=sql.Identifier(column), target=_target(feed), same_key=_equal(feed.key, "staged", "kept")
        )
        _execute(connection, statement, column=column)


def keep_absent_values(connection: Connection, feed: Feed, columns: Sequence[str]) -> None:
    """Replace what staged rows do not say of `columns` with what is known: from earlier rows of the file, else stored.

    For columns that some rows have and others do not. Call it before duplicates are set aside.
    """
    names = [name for name in columns if name in feed.stored_names and name not in (*_SETTLED_BY_LOG, *feed.key)]
    if not names:
        return
    key = sql.SQL(", ").join(map(sql.Identifier, feed.key))
    for name in names:
        statement = _TAKE_OVER_ABSENT.format(
            key=key, staged_key=_qualified(feed.key, "staged"), column=sql.Identifier(name),
            same_key_again=_equal(feed.key, "staged", "again"), same_key_told=_equal(feed.key, "staged", "told"),
        )  # fmt: skip
        _execute(connection, statement, column=name)
    assignments = [
        sql.SQL("{column} = case when {name} = any(staged.absent) then kept.{column} else staged.{column} end").format(
            column=sql.Identifier(name), name=sql.Literal(name)
        )
        for name in names
    ]
    _execute(connection, _KEEP_ABSENT.format(
        assignments=sql.SQL(", ").join(assignments), target=_target(feed), same_key=_equal(feed.key, "staged", "kept")
    ))  # fmt: skip


def merge(connection: Connection, feed: Feed, load_id: int, absent: frozenset[str] = frozenset()) -> int:
    """Write new and changed rows from `staged` to the feed's table; return how many there were.

    `absent` are columns that no row of the file has: a known row keeps them. Rows that did not change are not touched.
    Plain updates and inserts are enough, because the load lock keeps other writers away; `on conflict` would cost half
    as much again.
    """
    names, absent = feed.stored_names, absent.difference(_SETTLED_BY_LOG, feed.key)
    told = [name for name in names if name not in absent]
    load_columns = ["load_id", "first_load_id"] if feed.keeps_first_load else ["load_id"]
    parts = {
        "target": _target(feed),
        "same_key": _equal(feed.key, "staged", "kept"),
        "same_part": _equal(feed.replaces, "staged", "kept"),
        "columns": sql.SQL(", ").join(map(sql.Identifier, names)),
        "load_columns": sql.SQL(", ").join(map(sql.Identifier, load_columns)),
        "load_values": sql.SQL(", ").join([sql.Placeholder("load_id")] * len(load_columns)),
        "staged_columns": _qualified(names, "staged"),
        "told_columns": _qualified(told, "staged"),
        "kept_columns": _qualified(told, "kept"),
        "assignments": sql.SQL(", ").join(
            sql.SQL("{} = staged.{}").format(sql.Identifier(name), sql.Identifier(name)) for name in told
        ),
    }
    statements = ([_DROP_REPLACED] if feed.replaces else []) + [_UPDATE_CHANGED, _INSERT_NEW]
    return sum(_execute(connection, each.format(**parts), load_id=load_id) for each in statements)


def analyze_staged(connection: Connection) -> None:
    """Tell the planner how large the staged file is."""
    connection.exec_driver_sql("analyze staged")


def analyze(connection: Connection, feed: Feed, changed: int) -> None:
    """Refresh the planner's statistics of the feed's table if `changed` rows are at least a tenth of it. Segments run
    right after a load, long before autovacuum would do it."""
    estimate = float(scalar(connection, "sources/table_size", table=f"source.{feed.table}"))
    if changed and changed * 10 >= estimate:
        _execute(connection, sql.SQL("analyze {}").format(_target(feed)))


def _target(feed: Feed) -> sql.Identifier:
    return sql.Identifier("source", feed.table)


def _equal(names: Sequence[str], left: str, right: str) -> sql.Composable:
    pairs = (
        sql.SQL("{} = {}").format(sql.Identifier(left, name), sql.Identifier(right, name)) for name in names
    )
    return sql.SQL(" and ").join(list(pairs))


def _qualified(names: Sequence[str], table: str) -> sql.Composable:
    return sql.SQL(", ").join([sql.Identifier(table, name) for name in names])


def _execute(connection: Connection, statement: sql.Composable, **parameters: Any) -> int:
    with raw_cursor(connection) as cursor:
        cursor.execute(statement, parameters)
        return int(cursor.rowcount)


def _copy(connection: Connection, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows(rows)
    stream.seek(0)
    copy_in(connection, table, columns, stream)


def _storable(text: str | None) -> str | None:
    return None if text is None else storable(text)
