"""What a refused or incomplete row still says: a withdrawal, an unreadable permission, a cart that changed.

Stage 1 of the path, between the readers and the staging table. A person who says no must not be mailed because a
birthday in the same row is broken. So a withdrawal counts if the customer or the address can be read. A consent never
counts from such a row. No mail may go about a cart if the shop said something of it that cannot be read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from lifecycle_mail.sources.blanks import cleaned
from lifecycle_mail.sources.contract import MAXIMUM_TEXT, Feed
from lifecycle_mail.sources.refusals import Refusal
from lifecycle_mail.sources.rows import is_encodable
from lifecycle_mail.sources.value_parsers import ParseContext, Parser, parser_of

UNREADABLE = "\0"  # stands for a value that is present and cannot be a text
# For each column, the values that it may have in this row. Several: the row has too many or too few cells, and it is
# not known which cell belongs to which column.
Cells = Mapping[str, Sequence[str]]

_FIELD = re.compile(r'"([a-z_]+)"\s*:\s*(?:"((?:[^"\\]|\\.)*)"|(-?[0-9]+)\b)')


class Word(NamedTuple):
    """One statement about permission. `permission`: withdrawn; None = it cannot be read. `permission_at`: as it
    is stored; None = undated. At least one of `customer_id` and `email` is present."""

    line: int | None
    customer_id: str | None
    email: str | None
    permission: str | None
    permission_at: str | None


class WordReader:
    """Reads the telling columns of one feed's rows."""

    def __init__(self, feed: Feed, context: ParseContext) -> None:
        columns = {column.name: column for column in feed.columns if column.name in feed.telling}
        self._kinds = {name: column.kind for name, column in columns.items()}
        self._parsers = {name: parser_of(column, context) or str for name, column in columns.items()}

    def word(self, line: int | None, cells: Cells) -> Word | None:
        """Return what the row says about permission.

        None if it says nothing, if what it says is no reason to stop mailing, or if neither customer nor address can be
        read.
        """
        customer_id, email = self._first(cells, "customer_id"), self._first(cells, "email")
        if customer_id is None and email is None:
            return None
        is_shifted = any(len(values) > 1 for values in cells.values())
        if "withdrawn" in self._read(cells, "permission"):
            # In shifted cells the time could be another column's. Without a time, the withdrawal counts from the load.
            at = None if is_shifted else self._first(cells, "permission_at")
            return Word(line, customer_id, email, "withdrawn", at)
        if not is_shifted and self._is_unread(cells):
            return Word(line, customer_id, email, None, None)
        return None

    def unread_cart(self, cells: Cells) -> str | None:
        """Return the key of a cart that the row does not certainly call open; None if it does, or if the key cannot
        be read."""
        return None if "open" in self._read(cells, "status") else self._first(cells, "cart_id")

    def _is_unread(self, cells: Cells) -> bool:
        """Tell whether the row has a permission that cannot be read, or whose time cannot be read."""
        if not self._given(cells, "permission"):
            return False
        if not self._read(cells, "permission"):
            return True
        return bool(self._given(cells, "permission_at")) and not self._read(cells, "permission_at")

    def _first(self, cells: Cells, name: str) -> str | None:
        return next(iter(self._read(cells, name)), None)

    def _read(self, cells: Cells, name: str) -> list[str]:
        values = (_readable(self._parsers[name], value) for value in self._given(cells, name))
        return [value for value in values if value is not None]

    def _given(self, cells: Cells, name: str) -> list[str]:
        found = cells.get(name, ())
        return [value for value in cleaned(found, self._kinds[name]) if value] if found else []


def _readable(parser: Parser, value: str) -> str | None:
    if "\0" in value or len(value) > MAXIMUM_TEXT or not is_encodable(value):
        return None
    try:
        return parser(value)
    except Refusal:
        return None


def cells_by_place(row: Sequence[str], places: Mapping[str, int], width: int) -> Cells:
    """Return the telling cells of a row; if it does not have `width` cells, every cell that a column may stand in.

    Additional cells push the cells after them to the right, and missing cells let them move to the left. So each column
    lies between its place counted from the left and its place counted from the right.
    """
    shift = len(row) - width
    found = {}
    for name, place in places.items():
        first, last = sorted((place, place + shift))
        found[name] = list(row[max(first, 0) : last + 1])
    return found


def cells_of_broken_json(text: str, names: Sequence[str]) -> Cells:
    """Return the telling fields, as far as they can be found, of a line that is not a whole JSON object."""
    if not names:
        return {}
    return {name: [quoted or number] for name, quoted, number in _FIELD.findall(text) if name in names}
