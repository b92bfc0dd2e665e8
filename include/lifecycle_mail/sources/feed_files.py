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

_NAME = re.compile(r"(?P<feed>[a-z_]+)(?:[-.].+)?\.(?P<form>csv|ndjson|parquet|sql)")


def _parquet_files() -> ModuleType:
    """Import the Parquet reader only for a Parquet file: Arrow is 40 MB that a delivery worker does not need."""
    return importlib.import_module("lifecycle_mail.sources.parquet_files")


@dataclass(frozen=True)
class FeedFile:
    """One file of a feed; `form` is csv, ndjson, parquet or sql (refused)."""

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
            FileRefused: the whole file breaks the contract, or it is SQL: a text that runs on the server never comes
                from a folder to which others write.
            OSError: the file cannot be read.
        """
        if self.form == "sql":
            raise FileRefused("sql_not_here", f"a SQL feed is include/sql/feeds/{self.feed.name}.sql")
        if self.form == "parquet":
            return _parquet_files().read_parquet(self.path, self.feed)
        return {"csv": read_csv, "ndjson": read_ndjson}[self.form](self.path, self.feed)

    def expected_rows(self) -> int | None:
        """Return about how many rows the file has, for progress; None if that cannot be known early."""
        if self.form == "parquet":
            return _parquet_files().count_parquet(self.path)
        if self.form == "sql":
            return 0
        try:
            lines = _count_lines(self.path)
        except OSError:
            return 0
        return max(lines - 1, 0) if self.form == "csv" else lines


def feed_files(folder: Path) -> tuple[list[FeedFile], list[str]]:
    """Return the feed files of `folder`, and the names of its other files.

    Feeds are in the contract's order, a feed's files by name.

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
        if found and found["feed"] in feeds():
            files.append(FeedFile(feeds()[found["feed"]], path, found["form"]))
        else:
            others.append(path.name)
    order = list(feeds())
    return sorted(files, key=lambda file: (order.index(file.feed.name), file.path.name)), others


def _count_lines(path: Path) -> int:
    count, last = 0, b"\n"
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            count, last = count + block.count(b"\n"), block[-1:]
    return count + (last != b"\n")
