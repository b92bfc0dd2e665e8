"""docs/attributes.md: what rules of segments may ask, from the headers of the attribute and fact files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from lifecycle_mail.words import words_of

ATTRIBUTES, FACTS = "segments/attributes", "segments/facts"
_HEAD = """# Attributes and facts

Generated from the headers of `include/sql/segments/attributes/*.sql` and `include/sql/segments/facts/*.sql` by
`make docs`: edit those files, not this page. A rule asks an attribute with `is` and a fact with `did`. Everything
is judged at `as_of`: what is dated later does not count, and what is dated exactly then does. An order that was
cancelled never counts. A refunded order is an order, but it brings no money, as in the KPIs.
"""
_ATTRIBUTES = """
## Attributes

**History** says what an older `as_of` sees: *facts* = what was known to have happened by then; *today* = only the
latest state is kept, so it sees today's value. The status of an order is today's in any case. Days are of 24 hours,
and birthdays go by dates. *Not known* meets no condition but `known: false`.

| `is` | what | value | if there is none | history |
|---|---|---|---|---|
"""
_FORMULAS = """
## Formulas

"""
_FACTS = """
## Facts

A fact is counted by `at_least`, `at_most` or `exactly`, within `within_days` or `between_days`. A filter takes a
value or an operator. `product_type` and `category` are those of the product in the catalogue today. All product
filters of a rule are about one and the same line.

| `did` | what | counts | filters | history |
|---|---|---|---|---|
"""
_TYPES = {"number": "number", "text": "text", "boolean": "true or false", "instant": "days"}


def page() -> str:
    """Return the page."""
    attributes = {name: word.header for name, word in words_of(ATTRIBUTES).items()}
    facts = {name: word.header for name, word in words_of(FACTS).items()}
    return "".join([
        _HEAD,
        _ATTRIBUTES, *_rows((name, _attribute(header)) for name, header in attributes.items()),
        _FORMULAS, *_formulas(attributes),
        _FACTS, *_rows((name, _fact(header)) for name, header in facts.items()),
    ])  # fmt: skip


def _formulas(headers: Mapping[str, Mapping[str, str]]) -> Iterable[str]:
    for name, header in headers.items():
        if "formula" in header:
            yield f"- **{name}**: {header['formula']}.\n"


def _attribute(header: Mapping[str, str]) -> list[str]:
    return [
        f"{header['what']}.",
        _value(header),
        header.get("absent", "not known"),
        header["history"],
    ]


def _value(header: Mapping[str, str]) -> str:
    """Say what a value is: its type, its unit or its words, and that there is one per currency."""
    kind = "days ahead" if header.get("direction") == "ahead" else _TYPES[header["type"]]
    if "values" in header:
        kind = header["values"]
    elif "unit" in header and header["type"] != "instant":
        kind = f"{kind}: {header['unit']}"
    return f"{kind}; takes `currency`" if header.get("filters") == "currency" else kind


def _fact(header: Mapping[str, str]) -> list[str]:
    filters = ", ".join(f"`{name.strip()}`" for name in header.get("filters", "").split(",") if name.strip())
    return [f"{header['what']}.", header["counts"].rpartition(",")[2].strip(), filters, header["history"]]


def _rows(rows: Iterable[tuple[str, list[str]]]) -> Iterable[str]:
    for name, cells in rows:
        yield f"| `{name}` | {' | '.join(cells)} |\n"
