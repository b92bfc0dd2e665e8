"""Writes one feed file: Parquet for the large ones, CSV and NDJSON for the rest, whole or not at all."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

Row = Mapping[str, Any]


def write_parquet(path: Path, frame: pd.DataFrame) -> int:
    """The frame as Parquet, without pandas' own metadata; rows written."""
    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    with _whole(path) as partial:
        pq.write_table(table, partial)
    return table.num_rows


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Row]) -> int:
    """The rows as CSV in UTF-8 with a header; nothing is an empty field; rows written."""
    written = 0
    with _whole(path) as partial, partial.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(columns)
        for row in rows:
            writer.writerow([_text(row.get(column)) for column in columns])
            written += 1
    return written


def write_ndjson(path: Path, rows: Iterable[Row]) -> int:
    """The rows as one JSON object a line, fields without a value left out; rows written."""
    written = 0
    with _whole(path) as partial, partial.open("w", encoding="utf-8", newline="") as stream:
        for row in rows:
            filled = {column: value for column, value in row.items() if value is not None}
            stream.write(json.dumps(filled, ensure_ascii=False, default=_text) + "\n")
            written += 1
    return written


def rows_of(frame: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """The frame's rows as plain dicts, None where a value is missing."""
    columns = list(frame.columns)
    plain = frame.astype(object).where(frame.notna(), None)
    for values in plain.itertuples(index=False, name=None):
        yield dict(zip(columns, values, strict=True))


def _text(value: Any) -> Any:
    """Times as ISO 8601 with offset; everything else as it is (csv writes None as an empty field)."""
    return value.isoformat() if isinstance(value, datetime) else value


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """Give a hidden file next to the path, and move it onto the path once it is complete."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        yield partial
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
