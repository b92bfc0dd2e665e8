"""Read a Parquet feed file: native types become the texts that a CSV file would hold, one column at a time.

Stage 1 of the path. Times need a zone in their type. Whole numbers may be keys, also as 7.0; fractions may not.
"""

from __future__ import annotations

from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lifecycle_mail.sources.contract import Column, Feed
from lifecycle_mail.sources.rows import CHUNK_ROWS, EXACT, Chunk, Chunks, FileRefused, Texts, absence_in, place_columns


def read_parquet(path: Path, feed: Feed) -> Chunks:
    """Yield the rows of `path` in chunks; their lines are row numbers from 1, their texts JSON objects.

    Raises:
        FileRefused: wrong columns, a required column whose type does not fit its kind, or the file is not Parquet.
        OSError: the file cannot be read.
    """
    with path.open("rb") as stream:
        try:
            yield from _read(pq.ParquetFile(stream), feed)
        except (pa.ArrowException, UnicodeDecodeError, OSError) as error:
            # Arrow raises OSError for damaged content too, but only an error of the system has a number.
            if isinstance(error, OSError) and error.errno is not None:
                raise
            raise FileRefused("unreadable_file", "the file is not Parquet, or it is damaged") from None


def count_parquet(path: Path) -> int:
    """Return how many rows the file says it has; 0 if it is not Parquet."""
    try:
        return int(pq.read_metadata(path).num_rows)
    except (pa.ArrowException, OSError):
        return 0


def _read(file: pq.ParquetFile, feed: Feed) -> Chunks:
    names = file.schema_arrow.names
    places, unknown = place_columns(feed, names)
    wanted = [name for place, name in enumerate(names) if place in places]
    line = 1
    for batch in file.iter_batches(batch_size=CHUNK_ROWS, columns=wanted):
        columns = [
            [None] * batch.num_rows if place is None else _texts(batch.column(names[place]), column)
            for place, column in zip(places, feed.columns, strict=True)
        ]
        lines, texts = list(range(line, line + batch.num_rows)), _row_texts(feed, columns)
        wrong = {
            (place, column.name)
            for column, values in zip(feed.columns, columns, strict=True) if isinstance(values, _WrongColumn)
            for place, is_given in enumerate(values.given) if is_given
        }  # fmt: skip
        absent = [absence_in(feed, places)] * batch.num_rows
        yield Chunk(lines, texts, columns, [], unknown, wrong, absent)
        line += batch.num_rows


class _WrongColumn(list[None]):
    """A column whose type does not fit its kind, so no value of it can be read; `given` says which rows had a value."""

    def __init__(self, array: pa.Array) -> None:
        super().__init__([None] * len(array))
        self.given: list[bool] = array.is_valid().to_pylist()


def _texts(array: pa.Array, column: Column) -> Texts:
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    array = _readable(array, column)
    kind = array.type
    if not _fits(kind, column):
        if not column.refuses_row:
            return _WrongColumn(array)
        raise FileRefused("wrong_type", f"column {column.name} holds {kind}")
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        array = array.cast(pa.timestamp(kind.unit, "UTC"))  # as text it ends in Z, without a zone database
    texts: Texts = array.cast(pa.string()).to_pylist()
    return texts


def _readable(array: pa.Array, column: Column) -> pa.Array:
    """Return as texts what other programs write as bytes, and as whole numbers keys in a column with gaps."""
    types, kind = pa.types, array.type
    if types.is_binary(kind) or types.is_large_binary(kind):
        return _cast(array, pa.string())
    if types.is_floating(kind) and column.kind == "text":
        known = pc.if_else(pc.is_nan(array), None, array)
        if pc.all(pc.less(pc.abs(known), float(EXACT))).as_py() is not False:
            return _cast(known, pa.int64())
    return array


def _cast(array: pa.Array, kind: pa.DataType) -> pa.Array:
    """Return the array as `kind`; as it is if a value is not of that kind."""
    try:
        return array.cast(kind)
    except pa.ArrowInvalid:
        return array


def _fits(kind: pa.DataType, column: Column) -> bool:
    types = pa.types
    if types.is_string(kind) or types.is_large_string(kind) or types.is_null(kind):
        return True
    if types.is_integer(kind):
        return column.kind in ("text", "name", "label", "number", "integer", "boolean")
    if types.is_floating(kind) or types.is_decimal(kind):
        return column.kind in ("number", "integer", "boolean")
    if types.is_timestamp(kind) or types.is_date(kind):
        return column.kind in ("time", "date", "birthday")
    return bool(types.is_boolean(kind)) and column.kind == "boolean"


def _row_texts(feed: Feed, columns: list[Texts]) -> list[str]:
    names = feed.column_names
    return [orjson.dumps(dict(zip(names, row, strict=True))).decode() for row in zip(*columns, strict=True)]
