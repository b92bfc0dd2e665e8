"""Read an NDJSON feed file: one JSON object per line.

Stage 1 of the path.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from pathlib import Path

import orjson

from lifecycle_mail.sources.contract import Feed
from lifecycle_mail.sources.file_looks import encoding_of
from lifecycle_mail.sources.rows import CHUNK_ROWS, Chunks, FileRefused, RefusedRow, TypedRows, is_encodable, storable
from lifecycle_mail.sources.words import cells_of_broken_json

# An array with one object per line, as some exports write it.
_OF_ARRAY = re.compile(rb"\[?\s*(\{.*\})\s*,?\s*\]?")
_BRACKETS = (b"[", b"]", b",")


def read_ndjson(path: Path, feed: Feed) -> Chunks:
    """Yield the rows of `path` in chunks. If a required name is missing, its value is missing in that row.

    Raises:
        FileRefused: the file is no text of a known encoding.
        OSError: the file cannot be read.
    """
    known = frozenset(feed.column_names)
    rows = TypedRows(feed)
    for number, raw in enumerate(_lines(path), start=1):
        line = raw.strip()
        if line and line not in _BRACKETS:
            _take_line(rows, number, line, feed, known)
        if len(rows) >= CHUNK_ROWS:
            yield rows.chunk()
    if len(rows):
        yield rows.chunk()


def _lines(path: Path) -> Iterator[bytes]:
    """Yield the lines as UTF-8, whatever the file's encoding is."""
    encoding = encoding_of(path)
    if encoding == "utf-8-sig":
        with path.open("rb") as stream:
            yield stream.readline().removeprefix(codecs.BOM_UTF8)
            yield from stream
        return
    with path.open(encoding=encoding) as text:
        try:
            yield from (line.encode() for line in text)
        except UnicodeError:
            raise FileRefused("wrong_encoding", f"the file is not whole {encoding.upper()}: write UTF-8") from None


def _take_line(rows: TypedRows, number: int, line: bytes, feed: Feed, known: frozenset[str]) -> None:
    # Bytes that are not UTF-8 stay in their value, for the checker to judge.
    text = line.decode(errors="surrogateescape")
    is_text = is_encodable(text)
    try:
        row = _parse(line if is_text else text)
    except (ValueError, RecursionError):
        why = ("broken_json", "the line is not one JSON object") if is_text else ("not_utf8", "the line is not UTF-8")
        rows.refuse(RefusedRow(number, *why, text, cells=cells_of_broken_json(text, feed.telling)))
    else:
        if not row.keys() <= known:
            rows.notice(row.keys() - known)
        rows.add(number, text if is_text else storable(text), row)


def _parse(line: bytes | str) -> dict[str, object]:
    """Parse one object; the standard library parses what orjson does not: NaN, and lone surrogates."""
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError:  # also raised for a text with bad bytes
        inside = _OF_ARRAY.fullmatch(line) if isinstance(line, bytes) else None
        row = json.loads(inside[1] if inside else line)
    if not isinstance(row, dict):
        raise ValueError("not an object")
    return row
