"""What loaded rows refer to and no feed has brought yet: lines of unknown carts, orders of unknown customers.

Stage 1 of the path. Such rows are loaded like any others. They count from the load that brings what they name, as if
they had come after it. Until then the load report tells how many there are. A column refers to another feed if it is
called as that feed's key.
"""

from __future__ import annotations

from dataclasses import dataclass

from psycopg2 import sql
from sqlalchemy.engine import Connection

from lifecycle_mail.database import raw_cursor, run
from lifecycle_mail.sources.contract import Feed

_NOTE = sql.SQL("""
insert into missing_reference (feed, refers_to, fact_id, rows)
select %(feed)s, %(refers_to)s, staged.{key}, count(*)
from staged
where not exists (select 1 from {home} as home where home.{key} = staged.{key})
    and staged.{key} is not null
    and (%(is_required)s or exists (select 1 from {home}))
group by staged.{key}
""")
_FORGET = sql.SQL("""
delete from missing_reference
where refers_to = %(refers_to)s
    and exists (select 1 from {home} as home where home.{key} = missing_reference.fact_id)
""")


@dataclass(frozen=True, order=True)
class Waiting:
    """Rows of one feed that one load brought, and that name something no feed has brought: `names` is the feed of what
    they name, `ids` how many different keys of it."""

    feed: str
    names: str
    rows: int
    ids: int

    def __str__(self) -> str:
        return (
            f"{self.feed}: {self.rows} row(s) name {self.ids} of {self.names} that no feed has brought; "
            "they count once it does (source.unmatched_reference has their keys)"
        )


def prepare_references(connection: Connection) -> None:
    """Make an empty table for what the rows of one load name in vain; a transaction of its own."""
    with connection.begin():
        run(connection, "sources/create_missing_reference")
        # A load that broke off on this connection left its rows.
        connection.exec_driver_sql("truncate missing_reference")


def note_references(connection: Connection, feed: Feed, feeds: dict[str, Feed]) -> None:
    """Note the keys of other feeds that staged rows name, and that the warehouse does not have.

    A value that may be missing is noted only if its feed has brought anything: a shop need not load all feeds.
    """
    for home in homes(feed, feeds):
        column = next(one for one in feed.columns if one.name == home.key[0])
        with raw_cursor(connection) as cursor:
            parameters = {"feed": feed.name, "refers_to": home.name, "is_required": column.required}
            cursor.execute(_NOTE.format(**_names(home)), parameters)


def waiting_rows(connection: Connection, feeds: dict[str, Feed]) -> list[Waiting]:
    """Return what this load's rows still name in vain, by feed, when all its files are loaded."""
    for home in feeds.values():
        if len(home.key) == 1:
            with raw_cursor(connection) as cursor:
                cursor.execute(_FORGET.format(**_names(home)), {"refers_to": home.name})
    return sorted(Waiting(**row) for row in run(connection, "sources/waiting_rows").mappings())


def homes(feed: Feed, feeds: dict[str, Feed]) -> list[Feed]:
    """Return the feeds whose key is a column of `feed`."""
    return [
        other
        for other in feeds.values()
        if len(other.key) == 1 and other.name != feed.name and other.key[0] in feed.column_names
    ]


def _names(home: Feed) -> dict[str, sql.Composable]:
    return {"home": sql.Identifier("source", home.table), "key": sql.Identifier(home.key[0])}
