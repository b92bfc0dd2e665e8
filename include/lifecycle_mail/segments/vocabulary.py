"""What rules may ask of a customer: attributes and facts, each one SQL file whose header is its contract.

First part of the stage's rules. include/sql/segments/attributes/<name>.sql is a select of one value per customer, and
include/sql/segments/facts/<word>.sql one of what a customer did. To add either is to add a file, and its cases.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, cast, get_args

from lifecycle_mail.errors import SegmentError
from lifecycle_mail.words import words_of

ATTRIBUTES = "segments/attributes"
FACTS = "segments/facts"
EVERYONE = "everyone"
ValueType = Literal["number", "text", "boolean", "instant"]
PRODUCT_FILTERS = ("product_id", "product_type", "category")
TEXT_FILTERS = (*PRODUCT_FILTERS, "topic", "currency")
NUMBER_FILTERS = ("total", "rating")


@dataclass(frozen=True)
class Attribute:
    """One value per customer (or per customer and currency), as the header of its file declares it.

    `case` is that of its codes, however a rule writes them. `absent` is the value of customers without a row; None = it
    is not known. `changes` names the feeds whose rows change the value, `engagement`, `time` if it changes as
    time passes, and `everyone` if it depends on other people. `time_of` names the fact whose time an instant is: by it
    a refresh finds who passed an edge (None = not said).
    """

    name: str
    what: str
    says: str
    type: ValueType
    unit: str
    formula: str
    values: tuple[str, ...]
    case: Literal["upper", "lower", ""]
    absent: Any
    has_currency: bool
    is_ahead: bool
    time_of: str | None
    has_past: bool
    changes: tuple[str, ...]

    @property
    def statement(self) -> str:
        """The name of its select."""
        return f"{ATTRIBUTES}/{self.name}"

    @property
    def is_kept(self) -> bool:
        """Whether other people change its values, so that a refresh keeps them for all segments (`kept`)."""
        return EVERYONE in self.changes and self.type == "text" and self.has_past


@dataclass(frozen=True)
class Fact:
    """What a customer did, at a time, as the header of its file declares it.

    `lines` is the table with the fact's products and its column with the fact's id; None = the select has a column
    product_id, or the fact is about no product.
    """

    name: str
    what: str
    says: str
    filters: tuple[str, ...]
    lines: tuple[str, str] | None
    has_past: bool
    changes: tuple[str, ...]

    @property
    def statement(self) -> str:
        """The name of its select."""
        return f"{FACTS}/{self.name}"

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of its select that filters ask."""
        own = [name for name in self.filters if name not in PRODUCT_FILTERS]
        asks_products = any(name in PRODUCT_FILTERS for name in self.filters)
        return (*own, "product_id") if asks_products and self.lines is None else tuple(own)


@cache
def attributes() -> Mapping[str, Attribute]:
    """Return every attribute by name.

    Raises:
        SegmentError: a header cannot be read; the message has the file and what to write.
    """
    return {name: _attribute(name, word.header) for name, word in words_of(ATTRIBUTES).items()}


@cache
def facts() -> Mapping[str, Fact]:
    """Return every fact by word.

    Raises:
        SegmentError: as `attributes`.
    """
    return {name: _fact(name, word.header) for name, word in words_of(FACTS).items()}


def _attribute(name: str, header: Mapping[str, str]) -> Attribute:
    told = _told(f"{ATTRIBUTES}/{name}.sql", header, "attribute")
    kind = told("type")
    if kind not in get_args(ValueType):
        raise SegmentError(f"{ATTRIBUTES}/{name}.sql: its type is {kind!r}: write {', '.join(get_args(ValueType))}")
    return Attribute(
        name=name,
        what=told("what"),
        says=told("says"),
        type=cast(ValueType, kind),
        unit=header.get("unit", ""),
        formula=header.get("formula", ""),
        values=_list(header.get("values", "")),
        case=cast(Any, header.get("case", "")),
        absent=_absent(name, kind, header.get("absent")),
        has_currency=header.get("filters") == "currency",
        is_ahead=header.get("direction") == "ahead",
        time_of=header.get("time-of"),
        has_past=told("history") == "facts",
        changes=_list(told("changes")),
    )


def _fact(name: str, header: Mapping[str, str]) -> Fact:
    told = _told(f"{FACTS}/{name}.sql", header, "fact")
    filters = _list(header.get("filters", ""))
    unknown = set(filters) - {*TEXT_FILTERS, *NUMBER_FILTERS}
    if unknown:
        raise SegmentError(f"{FACTS}/{name}.sql: there is no filter {', '.join(sorted(unknown))}: take it out")
    table, _, column = header.get("lines", "").partition(" by ")
    return Fact(
        name=name,
        what=told("what"),
        says=told("says"),
        filters=filters,
        lines=(table.strip(), column.strip()) if table else None,
        has_past=told("history") == "facts",
        changes=_list(told("changes")),
    )


def _told(file: str, header: Mapping[str, str], first: str) -> Callable[[str], str]:
    if first not in header:
        raise SegmentError(f"{file}: it does not begin with `-- {first}: …`: add that line")

    def told(key: str) -> str:
        if key not in header:
            raise SegmentError(f"{file}: the header has no `-- {key}: …`: add that line")
        return header[key]

    return told


def _absent(name: str, kind: str, text: str | None) -> Any:
    if text is None:
        return None
    try:
        readers: dict[str, Callable[[str], Any]] = {
            "number": float,
            "text": str,
            "boolean": {"true": True, "false": False}.__getitem__,
        }
        return readers[kind](text)
    except (KeyError, ValueError):
        raise SegmentError(f"{ATTRIBUTES}/{name}.sql: absent {text!r} is no {kind}: correct it") from None


def _list(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
