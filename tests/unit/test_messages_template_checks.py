"""The check of a template: each fault is found before anything is sent, with file, line and what to do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from message_templates import CART, GREETING, NAME, library, mjml, text

from lifecycle_mail.messages.template_checks import check_catalogues, check_template


def faults(folder: Path, content: str = GREETING, **files: str) -> list[str]:
    """Return what the check says about a template that says `content` in both parts."""
    return [str(error) for error in check_template(library(folder, content, **files), NAME)]


def test_a_right_template_has_no_faults(tmp_path: Path) -> None:
    """The smallest proper template passes."""
    assert faults(tmp_path) == []


@pytest.mark.parametrize(
    "leak",
    [
        "{{ customer.first_name }}",
        "{% if context.total %}many{% endif %}",
        "{% for item in context.items %}x{% endfor %}",
        "{% set name = customer.first_name %}{{ name }}",
        "{{ t('greeting.named', name=customer.first_name) }}",
        '<a href="{{ links.view_url }}">x</a>',
        '{{ "%s"|format(customer.last_name) }}',
        "{% macro m() %}{{ customer.first_name }}{% endmacro %}{{ m() }}",
    ],
)
def test_a_personal_variable_outside_a_slot_is_refused_with_its_line(tmp_path: Path, leak: str) -> None:
    """What belongs to one person may never stand in what a thousand others get."""
    found = faults(tmp_path, f"{GREETING}\n{leak}")
    for file, line in (("body.mjml", 5), ("body.txt", 4)):
        assert any(
            one.startswith(f"trial/mail/{file}:{line}: personal variable ") and "outside a slot" in one for one in found
        ), found


@pytest.mark.parametrize("file", ["subject_txt", "preheader_txt"])
def test_subject_and_preheader_are_shared_too(tmp_path: Path, file: str) -> None:
    """A personal subject or preheader needs a slot like everything else."""
    found = faults(tmp_path, **{file: "For {{ customer.first_name }}\n"})
    assert [one.split(" outside")[0] for one in found] == [
        f"trial/mail/{file.replace('_', '.')}:1: personal variable customer"
    ]
    assert faults(tmp_path / "slot", **{file: "{% slot s %}For {{ customer.first_name }}{% endslot %}\n"}) == []


def test_a_leak_in_the_layout_is_found_from_every_template(tmp_path: Path) -> None:
    """What a template extends and imports is read as well, and named by its own file and line."""
    templates = library(tmp_path)
    layout = tmp_path / "base" / "layout.txt"
    layout.write_text("{{ customer.first_name }}\n" + layout.read_text(encoding="utf-8"), encoding="utf-8")
    found = [str(error) for error in check_template(templates, NAME)]
    assert len(found) == 1
    assert found[0].startswith("base/layout.txt:1: personal variable customer outside a slot")


def test_a_local_variable_of_that_name_inside_a_macro_is_no_leak(tmp_path: Path) -> None:
    """A macro's own argument may have any name: the value handed to it is checked at the call."""
    macro = "{% macro m(customer) %}{{ customer }}{% endmacro %}{{ m('x') }}"
    assert faults(tmp_path, f"{GREETING}{macro}") == []


@pytest.mark.parametrize(
    ("slot", "said"),
    [
        ("{{ nobody }}", "slot s: unknown variable nobody"),
        ("{{ customer.nickname }}", "slot s: customer.nickname is not there; known are first_name, last_name"),
        ("{{ context.sum }}", "slot s: context.sum is not there"),
        ("{% for item in context.items %}{{ item.colour }}{% endfor %}", "slot s: item.colour is not there"),
        ("{% if false %}{{ customer.nickname }}{% endif %}", "slot s: customer.nickname is not there"),
        ("{{ context.items[0].weight }}", "slot s: context.items[0].weight is not there"),
        ("{% set first = context.items[0] %}{{ first.weight }}", "slot s: first.weight is not there"),
        ("{{ brand.slogan }}", "slot s: brand.slogan is not there"),
        ("{{ offer.until }}", "slot s: offer.until is not there"),
        ("{{ links.reply_url }}", "slot s: links.reply_url is not there"),
    ],
)
def test_an_unknown_variable_in_a_slot_is_refused_even_where_the_sample_does_not_reach(
    tmp_path: Path, slot: str, said: str
) -> None:
    """Reading the template finds misspelt variables in branches no sample takes."""
    found = faults(tmp_path, f"{GREETING}\n{{% slot s %}}{slot}{{% endslot %}}")
    assert any(one.startswith(f"trial/mail/body.mjml:5: {said}") for one in found), found
    assert any(one.startswith(f"trial/mail/body.txt:4: {said}") for one in found), found


@pytest.mark.parametrize("name", ["date", "day"])
def test_the_date_of_a_moment_needs_a_zone(tmp_path: Path, name: str) -> None:
    """A moment has another date in another zone. A template that names no zone is refused, with the line."""
    said = "{%% slot s %%}{{ %s(context.at%s) }}{%% endslot %%}"

    def found(folder: str, at: str, zone: str) -> list[str]:
        sample = {"variants": [{"variant": None, "offer": None}], "context": {**CART, "at": at}}
        return faults(tmp_path / folder, f"{GREETING}\n{said % (name, zone)}", sample_json=json.dumps(sample))

    assert [one.split(" needs")[0] for one in found("moment", "2026-11-21T04:00:00+00:00", "")] == [
        f"trial/mail/{file}: slot s: {name}() of a moment" for file in ("body.mjml:5", "body.txt:4")
    ]
    assert found("zoned", "2026-11-21T04:00:00+00:00", ", customer.timezone") == []
    assert found("plain", "2026-11-21", "") == []


def test_an_unknown_shared_variable_is_refused(tmp_path: Path) -> None:
    """Outside slots only shared variables exist; the error lists them."""
    found = faults(tmp_path, GREETING + "\n{{ campain }}")
    assert found[0].startswith("trial/mail/body.mjml:5: unknown variable campain (did you mean campaign?); ")


def test_a_slot_must_be_in_the_text_part_too(tmp_path: Path) -> None:
    """Who reads text gets the same personal content."""
    found = faults(tmp_path, body_txt=text("Hello"))
    assert found == [
        "trial/mail/body.mjml:4: slot greeting is missing in trial/mail/body.txt; say the same in the text part"
    ]


def test_a_mail_without_the_footer_is_refused(tmp_path: Path) -> None:
    """A template that leaves the base layout, and with it the ways to stop and the address, is not sent."""
    body = f"<mj-section><mj-column><mj-text>{GREETING}</mj-text></mj-column></mj-section>"
    assert set(faults(tmp_path, body_mjml=f"<mjml><mj-body>{body}</mj-body></mjml>", body_txt=GREETING)) == {
        f"trial/mail/body.{part}: no {what}"
        for part in ("mjml", "txt")
        for what in (
            "unsubscribe link; extend the base layout, or show the link",
            "postal address; extend the base layout, or show the address",
        )
    }


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("</mj-text><mj-buton>x</mj-buton><mj-text>", "4: MJML has no <mj-buton>"),
        ("</mj-text><mj-button>x<mj-text>", "5: </mj-column> stands in place of </mj-button> of line 4"),
        ("</mj-text>\n</mj-text><mj-text>", "5: </mj-text> stands in place of </mj-column> of line 3"),
    ],
)
def test_wrong_mjml_is_refused_with_its_line(tmp_path: Path, content: str, said: str) -> None:
    """Unknown tags, which MJML drops without a word, and unbalanced ones are found."""
    found = faults(tmp_path, body_mjml=mjml(GREETING + content))
    assert any(one.startswith(f"trial/mail/body.mjml:{said}") for one in found), found


def test_html_that_mjml_cannot_read_is_refused(tmp_path: Path) -> None:
    """For an unclosed paragraph the error names MJML and the template."""
    assert faults(tmp_path, body_mjml=mjml(GREETING + "<p>open"))[0].startswith("trial/mail/body.mjml: not valid MJML")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{{ brand.name", "4: "),
        ("{% slot a %}x", "6: "),
        ("{% slot 7 %}x{% endslot %}", "4: "),
        ("{{ t('x') | shout }}", "4: No filter named 'shout'"),
    ],
)
def test_a_syntax_error_is_told_with_its_line(tmp_path: Path, content: str, said: str) -> None:
    """Jinja's own message, with file and line, and what to do."""
    found = faults(tmp_path, body_mjml=mjml(content))
    assert found[0].startswith(f"trial/mail/body.mjml:{said}"), found
    assert found[0].endswith("; correct the template's syntax"), found


@pytest.mark.parametrize("file", ["subject.txt", "preheader.txt", "body.mjml", "body.txt", "sample.json"])
def test_a_missing_file_is_named(tmp_path: Path, file: str) -> None:
    """Every template has all of its five files."""
    templates = library(tmp_path)
    (tmp_path / NAME / file).unlink()
    found = [str(error).split(";")[0] for error in check_template(templates, NAME)]
    assert found == [f"trial/mail/{file}: no such file"]


def test_a_missing_layout_or_macro_file_is_named(tmp_path: Path) -> None:
    """A reference to a file that is not there names that file."""
    found = faults(tmp_path, body_mjml='{% extends "base/none.mjml" %}')
    assert found == ["base/none.mjml: no such template file; add it, or correct the name that refers to it"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{% macro m() %}{% slot a %}x{% endslot %}{% endmacro %}{{ m() }}", "a slot stands inside a macro"),
        ("{% slot a %}{% slot b %}x{% endslot %}{% endslot %}", "slot a holds another slot"),
        ('{% slot a %}{% include "base/macros.txt" %}{% endslot %}', "slot a holds another slot, block, include"),
        ("{% slot a %}<mj-text>x</mj-text>{% endslot %}", "slot a has an mj- tag"),
        (
            "{% slot a %}x{% endslot %}{% slot a %}y{% endslot %}",
            "slot a is written differently in trial/mail/body.mjml:4",
        ),
    ],
)
def test_slots_where_they_cannot_work_are_refused(tmp_path: Path, content: str, said: str) -> None:
    """Slots stand in templates and layouts, hold plain HTML, and have one content per part."""
    found = faults(tmp_path, GREETING + content)
    assert any(one.startswith("trial/mail/body.mjml:4: ") and said in one for one in found), found


def test_a_slot_may_stand_twice_with_the_same_content(tmp_path: Path) -> None:
    """The same link in two places is one slot."""
    assert faults(tmp_path, GREETING + GREETING) == []


def test_slots_that_mjml_would_write_otherwise_are_refused(tmp_path: Path) -> None:
    """The rebuilt mail must be the whole mail to the byte: HTML in slots is written as MJML writes it."""
    found = faults(tmp_path, body_mjml=mjml("{% slot greeting %}a<br>{{ customer.first_name }}{% endslot %}"))
    assert len(found) == 1
    assert "slots and whole rendering differ (sample default)" in found[0]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{{ t("footer.gone") }}', "no message footer.gone in en.yaml"),
        ('{{ t("footer.why") }}', "message footer.why needs brand"),
        ('{{ t("basket.more") }}', "message basket.more needs count"),
        ("{{ t(campaign) }}", "t() with a computed key cannot be checked"),
    ],
)
def test_words_are_checked(tmp_path: Path, content: str, said: str) -> None:
    """Keys exist and get the values they need."""
    found = faults(tmp_path, f"{GREETING}\n{content}")
    assert any(one.startswith(f"trial/mail/body.mjml:5: {said}") for one in found), found


def test_each_language_is_checked(tmp_path: Path) -> None:
    """A language without a file, without a message, or without a plural form is refused by name."""
    templates = library(tmp_path, GREETING + '{{ t("basket.more", count=2) }}')
    assert "pl.yaml: no translation" in str(check_template(templates, NAME, ("en", "pl"))[0])
    english = (tmp_path / "translations/en.yaml").read_text(encoding="utf-8")
    (tmp_path / "translations/pl.yaml").write_text(english.replace("    share:", "    shar:"), encoding="utf-8")
    found = [str(error) for error in check_template(templates, NAME, ("en", "pl"))]
    assert "pl.yaml: basket.more lacks the plural form few, many; add it" in found
    assert any("no message footer.share in pl.yaml" in one for one in found)


def test_words_of_a_language_show_the_values_that_the_first_one_shows(tmp_path: Path) -> None:
    """A forgotten {name} is missing in each greeting, and "one hour" is wrong for 21 hours if both have the same form.
    Thai has one form for all numbers, and may write it without plural forms."""
    templates = library(tmp_path, GREETING + '{{ t("hours", count=2) }} {{ t("dear", name="A") }}')
    languages = ("en", "ru", "th", "pl")
    words = {
        "en": 'hours: {one: one hour, other: "{count} hours"}, dear: "Dear {name}"',
        "ru": 'hours: {one: час, few: "{count} часа", many: "{count} часов", other: "{count} часа"}, dear: "{name}"',
        "th": 'hours: "{count} ชั่วโมง", dear: "สวัสดี"',
        "pl": 'hours: {one: godzinę, few: "{count} godziny", many: "{count} godzin", other: "{count}"}, dear: "{name}"',
    }
    english = (tmp_path / "translations/en.yaml").read_text(encoding="utf-8")
    for language, own in words.items():
        there = yaml.safe_load(english)["messages"] | yaml.safe_load(f"{{{own}}}")
        there["basket"] |= {"more": there["basket"]["more"]["other"]}
        (tmp_path / f"translations/{language}.yaml").write_text(
            yaml.safe_dump({"messages": there}, allow_unicode=True), encoding="utf-8"
        )
    assert [str(error) for error in check_template(templates, NAME, languages)] == [
        "ru.yaml: hours: one is the form of 1, 21, 31 …; write {count} in it",
        "th.yaml: dear does not show name, and en.yaml does; write {name}",
    ]


def test_a_file_that_no_words_are_read_from_is_named(tmp_path: Path) -> None:
    """A wrong ending, a name that is no language, and a second file for the same readers would be passed over."""
    templates = library(tmp_path)
    assert check_catalogues(templates) == []
    for name in ("fa.yml", "he.yaml", "iw.yaml", "persian.yaml", "th.yaml", "zh-TW.yaml", "zh_Hant_TW.yaml"):
        (tmp_path / "translations" / name).write_text("messages: {}", encoding="utf-8")
    assert [str(error) for error in check_catalogues(templates)] == [
        "translations/fa.yml: no words are read from it; name it like en.yaml or zh-Hant.yaml",
        "translations/iw.yaml: translations/he.yaml has the words of the same language; keep one",
        "translations/persian.yaml: no words are read from it; name it like en.yaml or zh-Hant.yaml",
        "translations/zh_Hant_TW.yaml: translations/zh-TW.yaml has the words of the same language; keep one",
    ]


def test_a_field_the_sample_lacks_is_told_with_the_sample(tmp_path: Path) -> None:
    """A fault that only rendering shows is reported with the sample that showed it, and never with its data."""
    context = {**CART, "total": "not a number"}
    sample = json.dumps({"variants": [{"variant": "b", "offer": None}], "context": context})
    found = faults(tmp_path, GREETING + "{% slot sum %}{{ money(context.total) }}{% endslot %}", sample_json=sample)
    assert len(found) == 1
    assert "(sample b-default)" in found[0]
    assert "not a number" not in found[0]


def test_a_broken_sample_is_told_with_its_line(tmp_path: Path) -> None:
    """A sample that is not JSON, or lacks its parts, says so."""
    assert faults(tmp_path, sample_json='{\n"context": }')[0].startswith("trial/mail/sample.json:2: not JSON")
    assert "needs variants and context" in faults(tmp_path / "b", sample_json='{"context": {}}')[0]


def test_a_tracked_link_to_our_own_pages_is_refused(tmp_path: Path) -> None:
    """A click on the way out is not interest in the mail. So a link to the pages for leaving, choosing and reading in
    the browser says clicktracking=off, wherever it stands; the shop's own links need not."""
    link = '<a {}href="{% slot way_out %}{{ links.unsubscribe_url }}{% endslot %}">out</a>'
    tracked = GREETING + link.replace("{}", "") + '<a href="{{ brand.url }}">shop</a>'
    text_part = text(GREETING + "{% slot way_out %}{{ links.unsubscribe_url }}{% endslot %}")
    (found,) = faults(tmp_path / "tracked", body_mjml=mjml(tracked), body_txt=text_part)
    assert found.startswith("trial/mail/body.mjml: SendGrid would count clicks on the link to unsubscribe")
    untracked = GREETING + link.replace("{}", 'clicktracking="off" ')
    assert faults(tmp_path / "untracked", body_mjml=mjml(untracked), body_txt=text_part) == []


def test_a_picture_without_words_and_a_link_to_nowhere_are_refused(tmp_path: Path) -> None:
    """Readers who do not see pictures get their meaning; a link leads somewhere."""
    found = faults(tmp_path, body_mjml=mjml(GREETING + '<img src="https://x.example.com/a.png" /><a href="">x</a>'))
    assert [one.split(": ", 1)[1].split(";")[0] for one in found] == [
        "a picture has no alternative text",
        "a link goes nowhere",
    ]


SHOWN = "{% slot recommended %}{% for item in recommended %}{{ item.name }}{{ item.price }} {% endfor %}{% endslot %}"
PRODUCT = dict.fromkeys(("product_id", "name", "url", "image_url", "price", "currency", "why"), "x")


def recommending(content: str, **sample: object) -> dict[str, str]:
    """Return the files of a template that says `content` and greets, with `sample` in its sample file."""
    whole = {"variants": [{"variant": None, "offer": None}], "context": CART, **sample}
    return {"content": f"{GREETING} {content}", "sample_json": json.dumps(whole)}


def test_a_template_may_show_recommended_products(tmp_path: Path) -> None:
    """Their fields are known, and they are personal: outside a slot they are refused."""
    assert faults(tmp_path, **recommending(SHOWN, recommended=[PRODUCT])) == []
    wrong = faults(tmp_path / "field", **recommending(SHOWN.replace("item.price", "item.prize"), recommended=[PRODUCT]))
    assert any("item.prize is not there (did you mean price?)" in one for one in wrong), wrong
    leak = faults(tmp_path / "leak", **recommending("{{ recommended|length }}", recommended=[PRODUCT]))
    assert any("personal variable recommended outside a slot" in one for one in leak), leak


def test_a_template_must_do_without_recommended_products(tmp_path: Path) -> None:
    """There may be none for a recipient, so the check renders every sample without them too."""
    first = "{% slot r %}{{ recommended[0].name }}{% endslot %}"
    found = faults(tmp_path, **recommending(first, recommended=[PRODUCT]))
    assert found, "nothing was found"
    assert all("nothing_recommended" in one for one in found), found


def test_a_template_that_shows_products_needs_them_in_its_sample(tmp_path: Path) -> None:
    """Without them the part of the mail would never be looked at."""
    found = faults(tmp_path, **recommending(SHOWN))
    assert len(found) == 1, found
    assert "sample.json has none" in found[0]
