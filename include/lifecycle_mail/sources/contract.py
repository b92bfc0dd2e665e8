"""The contract of a feed and its columns: its form. `feeds` reads what each feed's file says.

Stage 1 of the path. Reading, checking, setting aside and merging follow from these values. Columns have the names that
they have in the database.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

Kind = Literal[
    "text", "name", "label", "link", "address", "time", "date", "birthday", "number", "integer", "boolean",
    "choice", "zone", "country", "currency", "locale",
]

MAXIMUM_TEXT = 10_000
AMOUNT = 9_999_999_999  # the largest integer part of numeric(14, 4)


@dataclass(frozen=True)
class Column:
    """One column of a feed.

    `required`: neither the column nor a value may be missing. `default`: the text that stands for a missing value.
    `refusal`: the named reason if the value breaks the column's own rule (a negative number, a word that is not a
    choice). `maximum` (numbers, inclusive) is the limit of the database column. `is_positive` (numbers): zero is
    refused like a negative one. `is_vital`: the column is optional, but without it the row would mean something else,
    so an unreadable value sets the whole row aside. An unreadable value of another optional column is set aside by
    itself. `synonyms`: pairs (word, choice) of words that other systems export for a choice; they are compared in lower
    case without blanks, hyphens and underscores.
    """

    name: str
    kind: Kind = "text"
    required: bool = True
    default: str | None = None
    choices: tuple[str, ...] = ()
    refusal: str = ""
    maximum: int = AMOUNT
    synonyms: tuple[tuple[str, str], ...] = ()
    is_vital: bool = False
    is_positive: bool = False

    @property
    def is_free_text(self) -> bool:
        """Whether a person may stand in it."""
        return self.kind in ("text", "name", "label", "link")

    @property
    def refuses_row(self) -> bool:
        """Whether a value that cannot be read sets the whole row aside."""
        return self.required or self.is_vital


@dataclass(frozen=True)
class Feed:
    """One feed: its file name without ending, its table in schema `source`, its columns and its key.

    `in_order`: pairs of time columns; the first may not be later than the second. `replaces`: the
    part of the key for which a file's rows replace all stored ones (a cart's lines). `telling`: columns that
    mean something even in a refused row. `keeps_first_load`: the table's first_load_id says which load
    first brought a row. `part_of`: the feed whose rows these are parts of (an order's lines), by the first column of
    the key. `numbers`: the column of the key that tells rows apart whose other key columns are equal. Its default is 0,
    and further rows of such a key without a value get the next numbers in the order of the file. `dated_by`: time
    columns that say when a row's fact happened.
    """

    name: str
    table: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    in_order: tuple[tuple[str, str], ...] = ()
    replaces: tuple[str, ...] = ()
    telling: tuple[str, ...] = ()
    keeps_first_load: bool = False
    part_of: str = ""
    numbers: str = ""
    dated_by: tuple[str, ...] = ()

    @property
    def tells_customer(self) -> bool:
        """Whether each row names the customer whom it is about."""
        return "customer_id" in self.column_names

    @property
    def personal_texts(self) -> tuple[Column, ...]:
        """Columns of free text, in which a person may stand: no keys, no ids, and none without which the row would say
        something else."""
        return tuple(
            column
            for column in self.columns
            if column.is_free_text
            and column.name not in self.key
            and not column.name.endswith("_id")
            and not column.is_vital
        )

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names of all columns, in the contract's order."""
        return tuple(column.name for column in self.columns)

    @property
    def optional_names(self) -> frozenset[str]:
        """Names of the columns that may be absent."""
        return frozenset(column.name for column in self.columns if not column.required)

    @property
    def tells_permission(self) -> bool:
        """Whether the rows of this feed say what a customer permits."""
        return "permission" in self.telling

    @property
    def tells_cart_status(self) -> bool:
        """Whether the rows of this feed say which carts are open."""
        return "cart_id" in self.telling

    @property
    def telling_alone(self) -> Feed:
        """The part that is read of a file that is refused as a whole: its withdrawals, and nothing else."""
        told = tuple(replace(column, required=False) for column in self.columns if column.name in self.telling)
        return Feed(self.name, self.table, told, self.key, telling=self.telling)
