"""Read an NDJSON feed file: one JSON object per line.

Stage 1 of the path.
"""

from __future__ import annotations

import json
from pathlib import Path

import orjson

from lifecycle_mail.sources.contract import Feed
from lifecycle_mail.sources.rows import CHUNK_ROWS, Chunks, RefusedRow, TypedRows, is_encodable, storable
from lifecycle_mail.sources.words import cells_of_broken_json

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def read_ndjson(path: Path, feed: Feed) -> Chunks:
    """Yield the rows of `path` in chunks. If a required name is missing, its value is missing in that row.

    Raises:
        OSError: the file cannot be read.
    """
    known = frozenset(feed.column_names)
    rows = TypedRows(feed.columns)
    with path.open("rb") as stream:
        for number, raw in enumerate(stream, start=1):
            line = raw.removeprefix(_BYTE_ORDER_MARK).strip() if number == 1 else raw.strip()
            if line:
                _take_line(rows, number, line, feed, known)
            if len(rows) >= CHUNK_ROWS:
                yield rows.chunk()
    if len(rows):
        yield rows.chunk()


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
        row = json.loads(line)
    if not isinstance(row, dict):
        raise ValueError("not an object")
    return row
