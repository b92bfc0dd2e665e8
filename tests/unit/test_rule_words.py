"""The headers of attributes and facts keep their contract, each has cases, and the page of them is fresh."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from documentation import attributes_page
from lifecycle_mail.sources.feeds import feeds
from lifecycle_mail.words import words_of

ROOT = Path(__file__).resolve().parents[2]
COMMON = {"what", "says", "history", "changes", "grain", "look-back"}
ATTRIBUTE = {"attribute", "type"}
FACT = {"fact", "counts"}
FILTERS = {"product_id", "product_type", "category", "topic", "total", "currency", "rating"}
WORDS = [
    *(("attributes", "attribute", name) for name in words_of(attributes_page.ATTRIBUTES)),
    *(("did", "fact", name) for name in words_of(attributes_page.FACTS)),
]


def header_of(kind: str, name: str) -> Mapping[str, str]:
    folder = attributes_page.ATTRIBUTES if kind == "attribute" else attributes_page.FACTS
    return words_of(folder)[name].header


def listed(text: str) -> set[str]:
    return {part.strip() for part in text.split(",") if part.strip()}


def test_the_page_is_fresh() -> None:
    """docs/attributes.md is what the headers say now; if not, run `make docs`."""
    assert (ROOT / "docs" / "attributes.md").read_text(encoding="utf-8") == attributes_page.page()


@pytest.mark.parametrize(("folder", "kind", "name"), WORDS)
def test_a_header_keeps_the_contract(folder: str, kind: str, name: str) -> None:
    """The header has the lines that its readers need, no others, and words that they know. Two cases hold the word."""
    header = header_of(kind, name)
    needed = COMMON | (ATTRIBUTE if kind == "attribute" else FACT)
    of_values = {"unit", "formula", "values", "case", "absent", "direction", "time-of"}
    more = {"filters"} | (of_values if kind == "attribute" else {"lines"})
    assert needed <= set(header) <= needed | more
    assert header[kind] == name
    assert header["history"] in ("facts", "today")
    assert listed(header["changes"]) <= {*feeds(), "engagement", "time", "everyone"}
    assert len(list((ROOT / "tests" / "sql" / folder / name).glob("test_*/expect.yaml"))) >= 2
    if kind == "attribute":
        assert header["type"] in ("number", "text", "boolean", "instant")
        assert ("{}" in header["says"]) == (header["type"] != "boolean")
        assert (header["type"] == "instant") == ("direction" in header)
        assert header.get("filters", "currency") == "currency"
        assert header.get("case", "upper") in ("upper", "lower")
        assert header.get("absent") in {None, "0", "false", *listed(header.get("values", ""))}
    else:
        assert listed(header.get("filters", "")) <= FILTERS
        assert len(listed(header["counts"])) == 2
