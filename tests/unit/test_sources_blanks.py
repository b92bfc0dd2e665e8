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


@pytest.mark.parametrize("word", ["nan", "NaN", "NaT", "<NA>"])
@pytest.mark.parametrize("kind", ["text", "number", "time", "choice", "locale", "boolean"])
def test_no_value_of_a_data_frame_is_none(word: str, kind: Kind) -> None:
    """What pandas writes for a gap is none in every column, so it refuses no row and lets no mailing rest."""
    assert cleaned([word, "x"], kind) == ["", "x"]


@pytest.mark.parametrize(
    "word", ["(none)", "(not set)", "#REF!", "#name?", "[object Object]", "n.a.", "(empty)", "nil"]
)  # fmt: skip
def test_words_and_errors_of_programs_are_none(word: str) -> None:
    """A cell whose formula failed, and what analytics and shop systems write for nothing, are no values."""
    assert cleaned([word], "text") == [""]


@pytest.mark.parametrize(
    "day",
    ["0000-00-00", "0000-00-00 00:00:00", "0000-00-00T00:00:00.000Z", "0001-01-01T00:00:00Z", "0001-01-01 00:00:00+00",
     "1900-01-00"],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["time", "date", "birthday"])
def test_a_date_that_stands_for_none_is_none(day: str, kind: Kind) -> None:
    """MySQL, .NET and Go write no date as one. In another column it is a text, and another time of that day a time."""
    assert cleaned([day, "2026-01-01"], kind) == ["", "2026-01-01"]
    assert cleaned([day], "text") == [day]
    assert cleaned(["0001-01-01T05:00:00Z"], kind) == ["0001-01-01T05:00:00Z"]


def test_words_that_only_look_like_it_stay() -> None:
    """A country, a name, a path and a negative number are values."""
    values = ["NA", "Nullmann", "\\new", "-1", "Nan", "Nat", "Nil", "0", "false", "no"]
    assert cleaned(values, "text") == values


def test_all_blanks_of_python_are_among_them() -> None:
    """No character that Python calls a blank is missing."""
    assert set(BLANKS) >= {chr(code) for code in range(0x110000) if chr(code).isspace()}


def test_marks_at_the_end_of_a_name_are_no_blanks() -> None:
    """Accents and vowel signs belong to the letter before them."""
    assert not {"\u0301", "\u0e35", "\u05b0", "\ufe0f"} & set(BLANKS)
