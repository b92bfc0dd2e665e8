"""Recipients' pages in a browser: nothing is wider than a phone, and axe finds nothing, in light and in dark.

axe is not among the packages of this repository. LIFECYCLE_AXE names its file axe.min.js, or the package
axe-core-python is installed; without either, that test is skipped.
"""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.dates import get_month_names

from headless_chromium import Browser, needs_chromium, running_chromium
from planning import BRAND, TOPICS
from recipient_pages.app import REASONS
from recipient_pages.reading import Recipient
from recipient_pages.rendering import Pages
from recipient_pages.surveys import Survey

pytestmark = needs_chromium

WHO = Recipient("reminders", "en", "a…@a-long-domain-of-a-long-name.example.com", "confirmed", (), True, True)
LONG = "A rather long answer that takes more than one line on a phone, as some languages write it"
SURVEY = Survey("order", "How did your first order go?", (("1", "Poor"), ("2", LONG)))
BASE = {"base": "/m/link", "who": WHO}


def pages() -> dict[str, str]:
    """Return every page with everything on it that it may have."""
    made = Pages(BRAND)
    topics = {name: topic for name, topic in TOPICS.items() if topic.kind == "marketing"}
    months = list(get_month_names("wide", "stand-alone", locale="en").values())
    left = {"what": "topic", "topic": TOPICS["reminders"], "reasons": REASONS}
    chosen = {"topics": topics, "chosen": {"offers"}, "months": months, "is_saved": True}
    words = ("unreadable", "ended", "gone", "later", "wrong", "undone", "thanks")
    return {
        **{name: made.page(name, "en", **BASE) for name in ("confirm", "confirmed", "stay", "stayed")},
        "leave": made.page("leave", "en", **BASE, topic=TOPICS["reminders"]),
        "left": made.page("left", "en", **BASE, **left),
        "preferences": made.page("preferences", "en", **BASE, **chosen),
        "survey": made.page("survey", "en", **BASE, survey=SURVEY, chosen="2"),
        **{
            word: made.page("message", "en", title=f"pages.{word}.title", text=f"pages.{word}.text", back=None)
            for word in words
        },
    }


def axe() -> Path | None:
    """Return the script of axe, if this machine has it."""
    if named := os.environ.get("LIFECYCLE_AXE"):
        return Path(named)
    found = importlib.util.find_spec("axe_core_python")
    return Path(found.origin).with_name("axe.min.js") if found and found.origin else None


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running_chromium() as one:
        yield one


@pytest.mark.parametrize("width", [320, 390, 1100])
def test_no_page_is_wider_than_the_window(browser: Browser, width: int) -> None:
    """From the narrowest phone on, there is nothing to scroll sideways, and each page has one heading and a title."""
    look = "() => [document.documentElement.scrollWidth, document.querySelectorAll('h1').length, document.title]"
    browser.emulate(width, dark=False)
    for name, html in pages().items():
        browser.open(html)
        wide, headings, title = browser.evaluate(look)
        assert (wide <= width, headings) == (True, 1), name
        assert title.endswith(" · Corner Market"), name


@pytest.mark.skipif(axe() is None, reason="axe is not installed: set LIFECYCLE_AXE, or install axe-core-python")
@pytest.mark.parametrize("dark", [False, True])
def test_axe_finds_nothing(browser: Browser, dark: bool) -> None:
    """Names, roles, order and contrasts of each page, by the rules of axe."""
    script = axe()
    assert script is not None
    text = script.read_text(encoding="utf-8")
    browser.emulate(390, dark=dark)
    for name, html in pages().items():
        browser.open(html)
        browser.evaluate(f"() => {{ {text}\n; return true; }}")
        found = json.loads(browser.evaluate(
            "async () => JSON.stringify((await axe.run()).violations.map(one => [one.id, one.nodes[0].html]))"
        ))
        assert found == [], name
