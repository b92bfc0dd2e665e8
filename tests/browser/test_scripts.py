"""Pages and mails show letters and no boxes, in every script that customers write their names in."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from html import escape
from pathlib import Path

import pytest

from event_collector import pages
from headless_chromium import Browser, needs_chromium, running_chromium
from lifecycle_mail.messages.samples import read_samples
from lifecycle_mail.messages.shells import rebuild
from lifecycle_mail.messages.templates import TemplateLibrary
from local_stack.fonts import PACKAGES
from reader_locales import WORDS, templates_in

pytestmark = [
    needs_chromium,
    pytest.mark.skipif("LIFECYCLE_NO_FONTS" in os.environ, reason="the fonts could not be installed"),
]

SCRIPTS = {
    "Latin": "Zoë Łukasz Þórður ßðŋ €",
    "Thai": "สวัสดี กาแฟคั่วบด ๑๒๓ ฿",
    "Hebrew": "שלום דָּנָה קפה ₪",
    "Arabic": "مرحبا می‌خواهم پگاه ژ ۱۲۳ ٤٥٦",
    "Han": "購物車 购物车 咖啡 體 龍",
}
ADVICE = f"no font has these: install {' '.join(PACKAGES)} (.ci/run does)"
LATIN_FONTS = "<dir>/usr/share/fonts/truetype/dejavu</dir>"
UNASSIGNED = "\u0378"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running_chromium() as one:
        yield one


def page(text: str) -> str:
    return f'<!doctype html><meta charset="utf-8"><body><p>{text}</p></body>'


def test_a_box_is_found(browser: Browser) -> None:
    """The judge can fail: a code point that no font can have is a box, next to a letter that is none."""
    assert browser.missing_glyphs(page(f"A{UNASSIGNED}")) == UNASSIGNED
    assert browser.missing_glyphs(page("A")) == ""


@pytest.mark.parametrize("script", SCRIPTS)
def test_each_script_has_its_letters(browser: Browser, script: str) -> None:
    """Names and products of every script are readable in a browser on this machine."""
    assert browser.missing_glyphs(page(SCRIPTS[script])) == "", ADVICE


def test_the_pages_behind_links_are_readable(browser: Browser) -> None:
    """The page that asks, the two answers, and the one for a link that cannot be read."""
    for one in (pages.ASK, pages.DONE, pages.UNREADABLE, pages.NOT_STORED):
        assert browser.missing_glyphs(one) == "", ADVICE


@pytest.mark.parametrize("language", ["en", *WORDS])
def test_mails_of_every_script_are_readable(browser: Browser, tmp_path: Path, language: str) -> None:
    """A mail whose customer and products are written in all of them, from left to right and from right to left."""
    library = TemplateLibrary(templates_in(tmp_path / "templates", *WORDS))
    sample = read_samples(library.texts, "cart_abandoned/reminder")[0]
    shell = library.shell(replace(sample.spec("cart_abandoned/reminder"), language=language))
    items = [{**sample.context["items"][0], "name": text} for text in SCRIPTS.values()]
    customer = {**sample.customer, "first_name": " ".join(SCRIPTS.values())}
    slots = library.slots(shell).render(customer, {**sample.context, "items": items}, sample.links)
    mail = rebuild(shell, slots.substitutions, slots.subject)
    as_text = f'<!doctype html><meta charset="utf-8"><pre>{escape(mail.subject)}\n{escape(mail.text)}</pre>'
    assert [browser.missing_glyphs(part) for part in (mail.html, as_text)] == ["", ""], ADVICE


def test_a_machine_without_the_fonts_fails(tmp_path: Path) -> None:
    """Where fontconfig knows the Latin font alone, the test of scripts would fail, and say for which letters."""
    fonts = tmp_path / "fonts.conf"
    fonts.write_text(f"<fontconfig>{LATIN_FONTS}<cachedir>{tmp_path}</cachedir></fontconfig>", encoding="utf-8")
    with running_chromium(FONTCONFIG_FILE=str(fonts)) as one:
        found = {script: one.missing_glyphs(page(text)) for script, text in SCRIPTS.items()}
    assert (found["Latin"], found["Hebrew"], found["Arabic"]) == ("", "", "")
    assert set("สวัสดี กาแฟ") - set(" ัี") <= set(found["Thai"])
    assert set("購物車咖啡體龍") <= set(found["Han"])
