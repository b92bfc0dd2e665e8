"""The mails as they look today: every sample of every template against its recorded rendering.

After a deliberate change run `LIFECYCLE_UPDATE_GOLDEN=1 pytest tests/templates` and read the difference.
"""

from __future__ import annotations

import os
import re
from html import unescape
from pathlib import Path

import pytest

from lifecycle_mail.messages.samples import Sample, read_samples
from lifecycle_mail.messages.shells import RenderedMail, rebuild
from lifecycle_mail.messages.slots import Slots
from lifecycle_mail.messages.template_checks import check_template
from lifecycle_mail.messages.templates import TemplateLibrary
from lifecycle_mail.sendgrid.requests import slots_bytes

TEMPLATES = Path(__file__).resolve().parents[2] / "include" / "templates"
GOLDEN = Path(__file__).resolve().parent / "golden"
LIBRARY = TemplateLibrary(TEMPLATES)
SAMPLES = [(name, sample) for name in LIBRARY.names() for sample in read_samples(TEMPLATES, name)]
every_sample = pytest.mark.parametrize(
    ("name", "sample"), SAMPLES, ids=[f"{name}-{sample.label}" for name, sample in SAMPLES]
)
WANTED = {
    "birthday/wish",
    "cart_abandoned/doubts",
    "cart_abandoned/incentive",
    "cart_abandoned/reminder",
    "replenishment/due_soon",
    "win_back/miss_you",
}


def render(name: str, sample: Sample) -> tuple[RenderedMail, Slots]:
    """Render a sample the way a recipient gets it: shell, slots, both put together."""
    shell = LIBRARY.shell(sample.spec(name))
    slots = LIBRARY.slots(shell).render(
        sample.customer, sample.context, sample.links, recommended=sample.recommended
    )
    return rebuild(shell, slots.substitutions, slots.subject), slots


def recorded(file: Path, now: str) -> str:
    """Return what was recorded in `file`; with LIFECYCLE_UPDATE_GOLDEN record `now` first."""
    if os.environ.get("LIFECYCLE_UPDATE_GOLDEN"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(now, encoding="utf-8")
    return file.read_text(encoding="utf-8")


def normal(html: str) -> str:
    """One tag per line, without the padding after the preheader, so that a difference can be read."""
    lines = re.sub(r"\s*<", "\n<", html.replace("&#847;&zwnj;&nbsp;", "")).strip().split("\n")
    return "\n".join(line.rstrip() for line in lines) + "\n"


def visible(html: str) -> str:
    """The document without comments for Outlook, style sheets and head."""
    return re.sub(r"<!--.*?-->|<head>.*?</head>", "", html, flags=re.DOTALL)


def test_the_mails_of_the_four_first_campaigns_are_there() -> None:
    """Every campaign of the spine has its template."""
    assert set(LIBRARY.names()) >= WANTED


@pytest.mark.parametrize("name", LIBRARY.names())
def test_every_template_passes_its_own_check(name: str) -> None:
    """No template in the repository has anything wrong with it."""
    assert [str(error) for error in check_template(LIBRARY, name)] == []


@every_sample
def test_a_sample_looks_as_recorded(name: str, sample: Sample) -> None:
    """Subject, html and text of each sample change only by intention."""
    mail, _ = render(name, sample)
    place = GOLDEN / name
    text = f"Subject: {mail.subject}\n\n{mail.text}"
    assert text == recorded(place / f"{sample.label}.txt", text)
    assert normal(mail.html) == recorded(place / f"{sample.label}.html", normal(mail.html))


def test_no_recording_is_left_over() -> None:
    """Each recorded file belongs to a sample that exists."""
    wanted = {GOLDEN / name / f"{sample.label}.{kind}" for name, sample in SAMPLES for kind in ("html", "txt")}
    assert {file for file in GOLDEN.rglob("*.*") if file.is_file()} == wanted


@every_sample
def test_a_mail_fetches_nothing(name: str, sample: Sample) -> None:
    """Without product pictures a mail is complete in itself: no picture, font, style sheet or script from outside."""
    html = render(name, sample)[0].html
    fetched = re.findall(r"<(?:img|link|script|iframe|video)\b|@import|url\(|\bbackground=\"", html)
    assert fetched == []


@every_sample
def test_a_mail_stays_within_what_inboxes_show(name: str, sample: Sample) -> None:
    """Gmail cuts a mail at 102 kB; SendGrid takes 10,000 bytes of slots, which ten products must fit."""
    mail, slots = render(name, sample)
    assert len(mail.html.encode()) < 102_000
    assert slots_bytes(slots.substitutions) <= 10_000


@every_sample
def test_a_mail_is_readable(name: str, sample: Sample) -> None:
    """Text is 14 pixels or more, the language is declared, and dark mode is announced."""
    html = render(name, sample)[0].html
    sizes = {int(size) for size in re.findall(r"font-size:(\d+)px", visible(html))}
    assert min(sizes - {0, 1}) >= 14
    assert '<html lang="en" dir="ltr"' in html
    assert '<meta name="color-scheme" content="light dark" />' in html
    assert html.count("<h1") == 1


@every_sample
def test_the_text_part_reads_by_itself(name: str, sample: Sample) -> None:
    """The text part holds no HTML, no entities, no runs of empty lines, and every name the html shows."""
    text = render(name, sample)[0].text
    assert not re.search(r"<[a-z/]|&(amp|lt|gt|nbsp|#\d+);|\n{4,}|None|\[%", text)
    for item in sample.context.get("items", [])[:3]:
        assert (item["name"] or "An item") in text


@every_sample
def test_links_to_our_own_pages_are_not_tracked(name: str, sample: Sample) -> None:
    """In the mail as it arrives, every link to leave, to choose or to read in the browser says clicktracking=off, and
    no link to the shop does."""
    tags = [unescape(tag) for tag in re.findall(r"<a\b[^>]*>", render(name, sample)[0].html)]
    own = tuple(sample.links[name] for name in ("leave_url", "view_url", "preferences_url"))
    untracked = [tag for tag in tags if 'clicktracking="off"' in tag]
    ours = (sample.links["page_url"], sample.links["unsubscribe_url"])
    assert untracked == [tag for tag in tags if any(f'"{page}' in tag for page in ours)]
    assert {page for page in own if any(page in tag for tag in untracked)} == set(own)


@every_sample
def test_the_footer_keeps_its_promises(name: str, sample: Sample) -> None:
    """Both parts say who writes, from which address, why, and how to stop, choose, share or read in a browser."""
    mail, _ = render(name, sample)
    for part in (mail.html.replace("&amp;", "&"), mail.text):
        for wanted in (
            sample.links["leave_url"], sample.links["view_url"], sample.links["preferences_url"],
            sample.brand["postal_address"], sample.brand["support_email"], "You are receiving this because",
            "Share with a friend",
        ):  # fmt: skip
            assert wanted in part
