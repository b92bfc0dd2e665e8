"""The feeds there are: each is one file of include/feeds, which is read once.

Stage 1 of the path. A feed's file gives its table in schema `source`, its key and its columns. A column has the name
that it has in the database. `?` after the name says that the column, or a value of it, may be missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from lifecycle_mail.campaigns.building import build
from lifecycle_mail.campaigns.documents import read_document
from lifecycle_mail.errors import CampaignError, FeedError
from lifecycle_mail.settings import INCLUDE
from lifecycle_mail.sources.contract import AMOUNT, Column, Feed, Kind

FEEDS_FOLDER = INCLUDE / "feeds"
LAST = 1_000  # place of a feed whose file gives none

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
OptionalName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}\??$")]


class _ColumnFile(BaseModel):
    """What a file says of one column: its kind alone, or a mapping. The keys mean the same as those of `Column`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Kind
    default: str | None = None
    choices: tuple[str, ...] = ()
    refusal: str = ""
    maximum: int = Field(default=AMOUNT, gt=0)
    synonyms: dict[str, str] = Field(default_factory=dict)
    is_vital: bool = False
    is_positive: bool = False

    @model_validator(mode="before")
    @classmethod
    def _kind_alone(cls, value: Any) -> Any:
        return {"kind": value} if isinstance(value, str) else value

    def column(self, written: str) -> Column:
        """Return the column whose name is `written` in the file."""
        name = written.removesuffix("?")
        refusals = {"number": f"negative_{name}", "integer": f"negative_{name}", "choice": f"unknown_{name}"}
        return Column(
            name, self.kind, not written.endswith("?"), self.default, self.choices,
            self.refusal or refusals.get(self.kind, ""), self.maximum, tuple(self.synonyms.items()), self.is_vital,
            self.is_positive,
        )  # fmt: skip


class _FeedFile(BaseModel):
    """What a file of include/feeds says. The keys mean the same as those of `Feed`.

    `place`: the feed's position when several are loaded; feeds without one come last, by name.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    feed: Name
    table: Name
    what: str = Field(min_length=1)
    place: int = LAST
    key: tuple[Name, ...] = Field(min_length=1)
    in_order: tuple[tuple[Name, Name], ...] = ()
    replaces: tuple[Name, ...] = ()
    telling: tuple[Name, ...] = ()
    keeps_first_load: bool = False
    part_of: Name | None = None
    numbers: Name | None = None
    dated_by: tuple[Name, ...] = ()
    columns: dict[OptionalName, _ColumnFile] = Field(min_length=1)

    @model_validator(mode="after")
    def _names_its_columns(self) -> _FeedFile:
        """The key consists of required columns; everything else that names a column names an existing one."""
        required = {name for name in self.columns if not name.endswith("?")}
        known = {name.removesuffix("?") for name in self.columns}
        _require("key", self.key, required | {self.numbers}, "a column that is required")
        _require("numbers", [self.numbers] if self.numbers else [], set(self.key), "a part of the key")
        _require("replaces", self.replaces, set(self.key), "a part of the key")
        _require("telling", self.telling, known, "a column")
        _require("in_order", [name for pair in self.in_order for name in pair], known, "a column")
        times = {name.removesuffix("?") for name, column in self.columns.items() if column.kind == "time"}
        _require("dated_by", self.dated_by, times, "a column of kind time")
        return self

    def contract(self) -> Feed:
        """Return the feed in the form that the code uses."""
        columns = tuple(column.column(written) for written, column in self.columns.items())
        return Feed(
            self.feed, self.table, columns, self.key, self.in_order, self.replaces, self.telling, self.keeps_first_load,
            self.part_of or "", self.numbers or "", self.dated_by,
        )  # fmt: skip


def _require(what: str, names: Sequence[str], known: set[str | None] | set[str], kind: str) -> None:
    strangers = [name for name in names if name not in known]
    if strangers:
        raise ValueError(f"{what} names {', '.join(strangers)}, which is not {kind}")


@cache
def feeds() -> dict[str, Feed]:
    """Return the feeds of include/feeds by name, in the order in which they are loaded.

    Raises:
        FeedError: a file is wrong; one line per error, each with file, line and what to write instead.
    """
    return read_feeds(FEEDS_FOLDER)


def read_feeds(folder: Path) -> dict[str, Feed]:
    """Return the feeds that the files of a folder describe (FeedError as for `feeds`)."""
    files = sorted((_read(path) for path in folder.glob("*.yaml")), key=lambda file: (file.place, file.feed))
    return {file.feed: file.contract() for file in files}


def _read(path: Path) -> _FeedFile:
    try:
        found = build(_FeedFile, read_document(path), path)
    except CampaignError as error:
        raise FeedError(str(error)) from None
    if found.feed != path.stem:
        raise FeedError(f"{path.name}:1: the feed is called '{found.feed}': name the file {found.feed}.yaml")
    return found
