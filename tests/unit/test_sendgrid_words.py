"""SendGrid's vocabulary stands in one place."""

from __future__ import annotations

import re

import pytest

from lifecycle_mail.settings import INCLUDE

WORDS = re.compile(
    r"sg_machine_open|sg_message_id|asm_group_id|bounce_classification|spamreport|group_(un|re)subscribe"
    r"|personalizations|custom_args|List-Unsubscribe|X-Message-Id|X-RateLimit|/v3/|api\.sendgrid\.com"
)
LIBRARY = INCLUDE / "lifecycle_mail"
# What our own pages say in their events are our words: which page, which survey, which answer.
OWN = r"->>? '(?:page|survey|answer)'"
FROM_RAW = re.compile(rf"\braw\s*(?!{OWN})(->|#>|\?)|jsonb?_\w+\(\s*(\w+\.)?raw\b")


def test_the_library_says_sendgrids_words_in_its_package_alone() -> None:
    """Fields of requests and events, paths and headers: another module that names one knows too much."""
    found = {
        path.relative_to(LIBRARY).as_posix(): sorted({word[0] for word in WORDS.finditer(code_of(path.read_text()))})
        for path in LIBRARY.rglob("*.py")
        if path.parent.name != "sendgrid"
    }
    assert {name: words for name, words in found.items() if words} == {}


def code_of(text: str) -> str:
    """The text without docstrings and comments, which may explain."""
    return re.sub(r'"""(.|\n)*?"""|#.*', "", text)


def test_the_package_is_where_the_words_are() -> None:
    """The comparison above can see them."""
    texts = [path.read_text() for path in (LIBRARY / "sendgrid").glob("*.py")]
    assert {word[0] for text in texts for word in WORDS.finditer(code_of(text))} >= {
        "sg_machine_open", "personalizations", "custom_args", "/v3/", "X-Message-Id",
    }  # fmt: skip


@pytest.mark.parametrize("folder", ["delivery", "demo", "events", "kpis", "messages", "segments", "sources"])
def test_no_statement_reads_an_event_as_it_came(folder: str) -> None:
    """What SendGrid's event means stands in columns; only the erasure goes through a raw event, and by no field's
    name."""
    found = {
        path.name
        for path in (INCLUDE / "sql" / folder).rglob("*.sql")
        if FROM_RAW.search(path.read_text()) or WORDS.search(path.read_text())
    }
    assert found == ({"erase_events.sql"} if folder == "events" else set())


@pytest.mark.parametrize(
    ("text", "is_read"),
    [
        ("event.raw ->> 'url'", True),
        ("event.raw->'reason'", True),
        ("event.raw #>> '{answer}'", True),
        ("jsonb_each(event.raw)", True),
        ("event.raw ->> 'answers'", True),
        ("event.raw ->> 'answer'", False),
        ("event.raw ->> 'page'", False),
    ],
)
def test_the_fields_of_our_own_pages_are_no_words_of_sendgrid(text: str, is_read: bool) -> None:
    """The comparison above lets exactly these pass."""
    assert bool(FROM_RAW.search(text)) == is_read
