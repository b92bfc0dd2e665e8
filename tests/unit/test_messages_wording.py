"""Words in a language: keys, plural forms, placeholders, direction."""

from __future__ import annotations

from pathlib import Path

import pytest
from message_templates import LINKS, TEMPLATES, cart, customer, library, shell

from lifecycle_mail.errors import TemplateError
from lifecycle_mail.messages.shells import rebuild
from lifecycle_mail.messages.wording import Wording


def words(folder: Path, content: str, language: str = "en") -> Wording:
    """Write one translation file and read it."""
    (folder / "translations").mkdir(exist_ok=True)
    (folder / "translations" / f"{language}.yaml").write_text(content, encoding="utf-8")
    return Wording(folder, language)


def test_a_message_is_found_by_its_key_and_a_dotted_one_in_its_template(tmp_path: Path) -> None:
    """t(".title") is the template's own; t("title") is shared by all templates."""
    t = words(tmp_path, "messages: {title: All, a: {b: {title: Own}}}").translator("a/b")
    assert (t("title"), t(".title")) == ("All", "Own")


@pytest.mark.parametrize(
    ("language", "forms", "expected"),
    [
        ("en", {1: "one", 2: "other", 5: "other"}, "1 one, 2 other, 5 other"),
        ("pl", {1: "one", 2: "few", 5: "many"}, "1 one, 2 few, 5 many"),
        ("ar", {1: "one", 2: "two", 5: "few"}, "1 one, 2 two, 5 few"),
        ("th", {1: "other", 2: "other"}, "1 other, 2 other"),
    ],
)
def test_plural_forms_follow_the_language(tmp_path: Path, language: str, forms: dict[int, str], expected: str) -> None:
    """Each language picks its own form by CLDR's rule."""
    lines = "".join(f'\n    {form}: "{{count}} {form}"' for form in {*forms.values(), "other"})
    t = words(tmp_path, f"messages:\n  more:{lines}\n", language).translator("a/b")
    assert ", ".join(t("more", count=number) for number in forms) == expected


def test_values_are_never_read_as_placeholders(tmp_path: Path) -> None:
    """A name with braces or percent signs stays as it is."""
    t = words(tmp_path, 'messages: {hello: "100% hello {name} and {other}"}').translator("a/b")
    assert t("hello", name="{other}", other="%s {name}") == "100% hello {other} and %s {name}"
    assert t("hello", name=None, other="B") == "100% hello  and B"


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    """A missing key, a missing value and a missing file: each error names the file to correct."""
    t = words(tmp_path, 'messages: {hello: "Hello {name}"}').translator("a/b")
    with pytest.raises(TemplateError, match=r"en\.yaml: no message a\.b\.gone; add it"):
        t(".gone")
    with pytest.raises(TemplateError, match=r"en\.yaml: hello needs 'name'"):
        t("hello")
    with pytest.raises(TemplateError, match=r"xx\.yaml: no translation for this language"):
        Wording(tmp_path, "xx")


def test_a_broken_file_is_refused_with_its_line(tmp_path: Path) -> None:
    """YAML faults are reported with file and line; a wrong direction by name."""
    with pytest.raises(TemplateError, match=r"en\.yaml:\d+: not readable as YAML"):
        words(tmp_path, "messages:\n  a: [1\n  b: 2\n")
    with pytest.raises(TemplateError, match="direction is neither ltr nor rtl"):
        words(tmp_path, "direction: up")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("messages: [a]", "messages is no mapping of keys and words"),
        ("messages: word", "messages is no mapping of keys and words"),
        ("messages: {a: {b: null}}", "message a.b is no text; write words, in quotes"),
        ("messages: {a: Yes}", "message a is no text"),
        ("messages: {a: [b]}", "message a is no text"),
        ("messages: {a: {one: x, other: no}}", "message a is no text"),
        ("messages: &a {b: *a}", r"en\.yaml:1: "),
        ("messages: " + "[" * 3000, r"en\.yaml:1: "),
        ("messages: {[a]: b}", r"en\.yaml:1: the key is a list or mapping"),
    ],
    ids=lambda one: one[:30],
)
def test_what_is_no_text_is_refused_by_its_key(tmp_path: Path, content: str, told: str) -> None:
    """A mail would say None or True in its place, or its file would stop everything with an error of Python."""
    with pytest.raises(TemplateError, match=told) as caught:
        words(tmp_path, content)
    assert "en.yaml" in str(caught.value)


def test_the_direction_is_the_languages_own(tmp_path: Path) -> None:
    """A file that gives none is written as its language is."""
    languages = ("en", "he", "fa", "ur", "th", "zh-Hant")
    found = {one: words(tmp_path, "messages: {a: b}", one).direction for one in languages}
    assert found == {"en": "ltr", "he": "rtl", "fa": "rtl", "ur": "rtl", "th": "ltr", "zh-Hant": "ltr"}
    assert words(tmp_path, "direction: rtl\nmessages: {a: b}", "he").direction == "rtl"
    with pytest.raises(TemplateError, match=r"fa\.yaml: direction is ltr, but fa is written rtl; leave direction out"):
        words(tmp_path, "direction: ltr\nmessages: {a: b}", "fa")


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", "1,200 more|12.5% off|one left|1.5 left"), ("de", "1.200 more|12,5% off|one left|1,5 left"),
        ("fa", "۱٬۲۰۰ more|۱۲٫۵% off|one left|۱٫۵ left"), ("th", "1,200 more|12.5% off|1 left|1.5 left"),
    ],
)  # fmt: skip
def test_numbers_in_messages_are_written_as_the_language_does(tmp_path: Path, language: str, expected: str) -> None:
    """Counts and shares have the digits and marks of the language; the plural form is that of the number."""
    content = 'messages: {more: "{count} more", off: "{percent}% off", left: {one: one left, other: "{count} left"}}'
    t = words(tmp_path, content, language).translator("a/b")
    said = (t("more", count=1200), t("off", percent=12.5), t("left", count=1.0), t("left", count=1.5))
    assert "|".join(said) == expected


def test_a_right_to_left_language_mirrors_the_whole_mail(tmp_path: Path) -> None:
    """With dir rtl, document, sections, columns, text and prices all turn; nothing stays left to right."""
    templates = library(tmp_path)
    (tmp_path / "cart_abandoned").mkdir()
    (tmp_path / "cart_abandoned/reminder").symlink_to(TEMPLATES / "cart_abandoned/reminder")
    english = (tmp_path / "translations/en.yaml").read_text(encoding="utf-8")
    (tmp_path / "translations/fa.yaml").write_text(english, encoding="utf-8")
    mails = {}
    for language in ("en", "fa"):
        made = shell(templates, "cart_abandoned/reminder", language=language)
        slots = templates.slots(made).render(customer(), cart(), LINKS)
        mails[language] = rebuild(made, slots.substitutions, slots.subject).html
    assert '<html lang="fa" dir="rtl"' in mails["fa"]
    for right, left in (("direction:rtl", "direction:ltr"), ("text-align:right;color", "text-align:left;color")):
        assert mails["fa"].count(right) == mails["en"].count(left) > 0
        assert left not in mails["fa"]
    assert mails["fa"].count('<td class="r" align="left"') == mails["en"].count('<td class="r" align="right"') == 3


def test_languages_fall_back_to_the_nearest_there_is(tmp_path: Path) -> None:
    """A reader's locale finds its language, else the default."""
    templates = library(tmp_path)
    for language in ("pt", "zh-Hant"):
        (tmp_path / f"translations/{language}.yaml").write_text("messages: {}", encoding="utf-8")
    found = [templates.language_for(one) for one in ("en_US", "pt-BR", "zh_Hant_TW", "zh", "de", None, "")]
    assert found == ["en", "pt", "zh-Hant", "en", "en", "en", "en"]
