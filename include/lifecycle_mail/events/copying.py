"""Values → rows in COPY's binary format.

An ingest writes its rows through this module. In binary nothing has to be escaped, and the server parses neither lines
nor dates. The format is that of PostgreSQL's manual, COPY, "Binary Format": a header, rows, a trailer. A row is the
number of its fields, then each field with its size in bytes before it.
"""

from __future__ import annotations

import struct
from binascii import unhexlify
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from itertools import islice

from sqlalchemy.engine import Connection

from lifecycle_mail.database import raw_cursor

NULL = b"\xff\xff\xff\xff"  # size -1: nothing follows
_HEADER = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
_TRAILER = b"\xff\xff"
_EPOCH_SECONDS = int(datetime(2000, 1, 1, tzinfo=UTC).timestamp())  # PostgreSQL counts from this moment
_MICROSECONDS = 1_000_000
_ROWS_A_BLOCK = 25_000
_LARGEST_BLOCK = 1 << 26  # bytes; the protocol allows 2**30 per message, which a block of long rows could exceed
_UUID_SIZE = struct.pack(">i", 16)
_UUID_DIGITS = 32

field_count = struct.Struct(">h").pack
size_of = struct.Struct(">i").pack
_bigint = struct.Struct(">iq").pack
_TRUE, _FALSE = size_of(1) + b"\x01", size_of(1) + b"\x00"


def text(value: str) -> bytes:
    """Return a field of type text, without NUL, which the database cannot hold."""
    if "\x00" in value:
        value = value.replace("\x00", "")
    data = value.encode()
    return size_of(len(data)) + data


def bigint(value: int) -> bytes:
    """Return a field of type bigint."""
    return _bigint(8, value)


def boolean(value: bool) -> bytes:
    """Return a field of type boolean."""
    return _TRUE if value else _FALSE


@lru_cache(maxsize=100_000)
def moment(epoch_seconds: int) -> bytes:
    """Return a field of type timestamptz. Results are remembered, because many events share a second."""
    return _bigint(8, (epoch_seconds - _EPOCH_SECONDS) * _MICROSECONDS)


def uuid(value: str) -> bytes | None:
    """Return a field of type uuid; None if the text is not 32 hexadecimal digits, hyphens aside."""
    digits = value.replace("-", "")
    if len(digits) != _UUID_DIGITS:
        return None
    try:
        return _UUID_SIZE + unhexlify(digits)
    except ValueError:
        return None


def copy(connection: Connection, table: str, columns: Sequence[str], rows: Iterable[bytes], first: bytes = b"") -> None:
    """COPY rows into `table`. Each row is its fields one after another; every row begins with the fields `first`.

    `table` and `columns` are names from this code, never user text. The types of the columns must be those of the
    fields.
    """
    begin = field_count(len(columns)) + first
    with raw_cursor(connection) as cursor:
        statement = f"copy {table} ({', '.join(columns)}) from stdin with (format binary)"
        cursor.copy_expert(statement, _Stream(_blocks(begin, iter(rows))))


def _blocks(begin: bytes, rows: Iterator[bytes]) -> Iterator[bytes]:
    # Many rows per block: while the next step is parsed, every block waits for the interpreter.
    yield _HEADER
    while block := begin.join((b"", *islice(rows, _ROWS_A_BLOCK))):
        for at in range(0, len(block), _LARGEST_BLOCK):
            yield block[at : at + _LARGEST_BLOCK]
    yield _TRAILER


class _Stream:
    """The stream that psycopg2 reads from: it gives the blocks as they come, whatever size is asked for."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks

    def read(self, _size: int) -> bytes:
        """Return the next block; nothing at the end."""
        return next(self._blocks, b"")
