"""Names as a mail says them: without entities, placeholders and links, on one line, and not too long."""

from __future__ import annotations

import pytest

from lifecycle_mail.sources.names import MAXIMUM_LABEL, MAXIMUM_NAME, cut, parse_label, parse_name
from lifecycle_mail.sources.refusals import Refusal

NAMES = [
    ("Ann", "Ann"),
    ("O&#39;Neil", "O'Neil"),
    ("S&amp;amp;P", "S&P"),
    ("Anne\n  Marie", "Anne Marie"),
    ("Rene\u0301", "René"),
    ("J.R.R. Tolkien", "J.R.R. Tolkien"),
    ("สมชาย", "สมชาย"),
    ("\u202eannA\u202c", "annA"),
    ("\u2067\u05d3\u05e0\u05d4\u2069", "\u05d3\u05e0\u05d4"),
    ("\u202e", ""),
    ("می\u200cخواهم", "می\u200cخواهم"),
    ("Anna 👩\u200d🍳", "Anna 👩\u200d🍳"),
    ("Nan", "Nan"),
    ("Na", "Na"),
    ("Nullmann", "Nullmann"),
    ("Guestine", "Guestine"),
]


@pytest.mark.parametrize(("text", "name"), NAMES)
def test_names_of_people(text: str, name: str) -> None:
    """Entities are decoded, also twice escaped ones, breaks become one blank, and signs that turn a text around
    go; what is a name stays."""
    assert parse_name(text) == name


@pytest.mark.parametrize(
    "text",
    ["null", "N/A", "NA", "nan", "None", "unknown", "Guest", "First Name", "{{ first_name }}", "*|FNAME|*", "${name}",
     "...", "👍", "&nbsp;", "%%first%%"],
)  # fmt: skip
def test_a_placeholder_is_no_name(text: str) -> None:
    """Words of forms and programs, merge tags and texts without any letter are none."""
    assert parse_name(text) == ""


@pytest.mark.parametrize(
    "text",
    ["https://win.example.com", "WIN http://x", "www.win.example", "Free at win.shop", "ann@example.com",
     "http&#58;//win.example.org", "t.me/win"],
)  # fmt: skip
def test_a_link_is_no_name(text: str) -> None:
    """A sender of spam signs up with a link as a name, to have it in our subject line. It is refused, also as entities.
    """
    with pytest.raises(Refusal, match="link_in_name"):
        parse_name(text)


def test_names_of_products() -> None:
    """Entities are decoded; a name that looks like a link, or like a person's placeholder, is a product's name."""
    assert parse_label("Salt &amp; Pepper") == "Salt & Pepper"
    assert parse_label("Guest\ttowel &quot;Win.shop&quot;") == 'Guest towel "Win.shop"'
    assert parse_label("&nbsp;") == parse_label("\u202e\u202c") == ""
    assert parse_label("a" * 300) == "a" * MAXIMUM_LABEL


def test_three_hundred_letters_are_cut() -> None:
    """A name has at most 60 characters."""
    assert parse_name("x" * 300) == "x" * MAXIMUM_NAME


@pytest.mark.parametrize(
    ("text", "length", "kept"),
    [
        ("abcd", 4, "abcd"),
        ("abcde", 4, "abcd"),
        ("abc de", 4, "abc"),
        ("abce\u0301", 4, "abc"),  # the accent is part of the e
        ("ab👩‍👩‍👧", 4, "ab"),  # a family is one character
        ("ab👍🏽c", 3, "ab"),  # the skin tone is part of the thumb
        ("a🇹🇭🇹🇼", 4, "a🇹🇭"),  # half a flag is a letter
        ("กี่กี่", 4, "กี่"),
        ("e" + "\u0301" * 9, 4, "e\u0301\u0301\u0301"),  # one endless character is cut all the same
    ],
)
def test_a_cut_keeps_characters_whole(text: str, length: int, kept: str) -> None:
    """What a reader sees as one character is kept or left out as a whole."""
    assert cut(text, length) == kept
