"""Find the feed files of a folder, and open each with the reader of its ending.

Stage 1 of the path.
"""

from __future__ import annotations

import importlib
import re
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from lifecycle_mail.errors import FeedError
from lifecycle_mail.sources.contract import Feed
from lifecycle_mail.sources.csv_files import read_csv
from lifecycle_mail.sources.feeds import feeds
from lifecycle_mail.sources.ndjson_files import read_ndjson
from lifecycle_mail.sources.rows import Chunks, FileRefused

_UNPACK, _SAVE = "unpack it", "save it as CSV, NDJSON or Parquet"
# Endings that data has, and that are not read. Any other file, such as a checksum, is no feed file.
_OTHER_FORMS = {
    **dict.fromkeys(("gz", "zip", "bz2", "xz", "zst", "7z", "tar", "tgz"), _UNPACK),
    **dict.fromkeys(("xls", "xlsx", "ods", "xml", "avro", "orc"), _SAVE),
}
_FORMS = {"tsv": "csv", "jsonl": "ndjson", "json": "ndjson"}  # what other programs call it
_NAME = re.compile(
    rf"(?P<feed>[a-z_]+)(?:[-.].+)?\.(?P<form>csv|ndjson|parquet|sql|{'|'.join([*_FORMS, *_OTHER_FORMS])})",
    re.IGNORECASE,
)
_DIGITS = re.compile(r"([0-9]+)")


def _parquet_files() -> ModuleType:
    """Import the Parquet reader only for a Parquet file: Arrow is 40 MB that a delivery worker does not need."""
    return importlib.import_module("lifecycle_mail.sources.parquet_files")


@dataclass(frozen=True)
class FeedFile:
    """One file of a feed; `form` is csv, ndjson, parquet, or one that is refused: sql, gz, xlsx…"""

    feed: Feed
    path: Path
    form: str

    @property
    def name(self) -> str:
        """The file's name in reports and in source.rejected."""
        return self.path.name

    def chunks(self) -> Chunks:
        """Yield the file's rows.

        Raises:
            FileRefused: the whole file breaks the contract, its form is not read, or it is SQL: a text that runs on the
                server never comes from a folder to which others write.
            OSError: the file cannot be read.
        """
        if self.form == "sql":
            raise FileRefused("sql_not_here", f"a SQL feed is include/sql/feeds/{self.feed.name}.sql")
        if self.form in _OTHER_FORMS:
            raise FileRefused("unknown_form", f"files that end in .{self.form} are not read: {_OTHER_FORMS[self.form]}")
        if self.form == "parquet":
            return _parquet_files().read_parquet(self.path, self.feed)
        return {"csv": read_csv, "ndjson": read_ndjson}[self.form](self.path, self.feed)

    def expected_rows(self) -> int | None:
        """Return about how many rows the file has, for progress; None if that cannot be known early."""
        if self.form == "parquet":
            return _parquet_files().count_parquet(self.path)
        if self.form == "sql" or self.form in _OTHER_FORMS:
            return 0
        try:
            lines = _count_lines(self.path)
        except OSError:
            return 0
        return max(lines - 1, 0) if self.form == "csv" else lines


def feed_files(folder: Path) -> tuple[list[FeedFile], list[str]]:
    """Return the feed files of `folder`, and the names of its other files.

    Feeds are in the contract's order, a feed's files by name, in which 10 comes after 9.

    Raises:
        FeedError: there is no such folder, or it cannot be read.
    """
    try:
        paths = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise FeedError(
            f"the feeds folder {folder} cannot be read: {error.strerror}. Give a folder with customers.csv, "
            "orders.csv and so on"
        ) from None
    files, others = [], []
    for path in paths:
        found = _NAME.fullmatch(path.name)
        if found and (name := found["feed"].lower()) in feeds():
            form = found["form"].lower()
            files.append(FeedFile(feeds()[name], path, _FORMS.get(form, form)))
        else:
            others.append(path.name)
    order = list(feeds())
    return sorted(files, key=lambda file: (order.index(file.feed.name), _in_order(file.path.name))), others


def _in_order(name: str) -> list[str | int]:
    """Return what a file's name is sorted by: texts and numbers by turns, so that part 10 comes after part 9."""
    return [int(part) if place % 2 else part for place, part in enumerate(_DIGITS.split(name))]


def _count_lines(path: Path) -> int:
    count, last = 0, b"\n"
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            count, last = count + block.count(b"\n"), block[-1:]
    return count + (last != b"\n")
