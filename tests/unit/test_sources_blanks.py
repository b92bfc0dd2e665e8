"""A value that says nothing is no value: blanks, seen or not, and the words that stand for none."""

from __future__ import annotations

import pytest

from lifecycle_mail.sources.blanks import BLANKS, cleaned
from lifecycle_mail.sources.contract import Kind

UNSEEN = ["\u00a0", "\u2003", "\u3000", "\u200b", "\u200d", "\ufeff", "\u2060", "\u00ad", "\u2800", "\t", "\r\n"]


@pytest.mark.parametrize("blank", UNSEEN)
def test_every_kind_of_blank_is_trimmed(blank: str) -> None:
    """Blanks with and without width go from both ends and stay inside. A value of blanks is none."""
    assert cleaned([f"{blank}a{blank}b {blank}", blank * 3, None, ""], "text") == [f"a{blank}b", "", None, ""]


def test_a_column_without_values_stays_as_it_is() -> None:
    """What is absent is not made empty."""
    assert cleaned([None, None], "text") == [None, None]


@pytest.mark.parametrize("word", ["NULL", "null", "Null", "\\N", "(null)", " <NULL> "])
@pytest.mark.parametrize("kind", ["text", "name", "number", "time", "choice", "birthday", "link"])
def test_null_of_a_database_is_none_in_every_column(word: str, kind: Kind) -> None:
    """What databases export for null is none, also as a choice or a key."""
    assert cleaned([word, "x"], kind) == ["", "x"]


@pytest.mark.parametrize("word", ["-", "--", "—", "N/A", "n/a", "#N/A", "none", "None", "undefined"])
def test_a_placeholder_is_none_but_where_it_is_a_word(word: str) -> None:
    """A choice may have the word: `none` is a permission, and a dash may be a person's no."""
    assert cleaned([word], "text") == [""]
    assert cleaned([word], "choice") == [word]


def test_words_that_only_look_like_it_stay() -> None:
    """A country, a name, a path and a negative number are values."""
    values = ["NA", "Nullmann", "\\new", "-1", "Nan", "0", "false", "no"]
    assert cleaned(values, "text") == values


def test_all_blanks_of_python_are_among_them() -> None:
    """No character that Python calls a blank is missing."""
    assert set(BLANKS) >= {chr(code) for code in range(0x110000) if chr(code).isspace()}


def test_marks_at_the_end_of_a_name_are_no_blanks() -> None:
    """Accents and vowel signs belong to the letter before them."""
    assert not {"\u0301", "\u0e35", "\u05b0", "\ufe0f"} & set(BLANKS)
