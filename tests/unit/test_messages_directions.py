"""Values of the other direction are isolated for readers, and stay as they are in addresses and attributes."""

from __future__ import annotations

import re
import shutil
import unicodedata
from pathlib import Path

import pytest
from message_templates import BASE, LINKS, cart, customer, library, shell

from lifecycle_mail.messages.directions import is_in_tag, with_bdi
from lifecycle_mail.messages.formatting import html_writer, subject_line, text_writer
from lifecycle_mail.messages.shells import RenderedMail, ShellSpec, rebuild
from lifecycle_mail.messages.template_checks import check_template
from lifecycle_mail.messages.templates import TemplateLibrary
from lifecycle_mail.messages.wording import Wording
from reader_locales import in_words_of, templates_in

OPEN, CLOSE = "\u2068", "\u2069"
REMINDER = "cart_abandoned/reminder"
ITEMS = [
    {"product_id": "p-1", "name": "Coffee (beans), 1 kg", "quantity": 2, "unit_price": "2.49",
     "url": "https://shop.example.com/coffee", "image_url": "https://shop.example.com/coffee.png"},
    {"product_id": "p-2", "name": "קפה (טחון)", "quantity": 1, "unit_price": "4.39", "url": None, "image_url": None},
]  # fmt: skip


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> TemplateLibrary:
    """The product's templates, with words in letters of Hebrew and Persian."""
    return TemplateLibrary(templates_in(tmp_path_factory.mktemp("trial") / "templates", "he", "fa"))


def mail(templates: TemplateLibrary, language: str, first_name: str) -> RenderedMail:
    """One reminder, whose slots are filled in by the provider."""
    made = shell(templates, REMINDER, language=language)
    context = cart(items=ITEMS, item_count=2, total="9.37")
    slots = templates.slots(made).render(customer(first_name=first_name), context, LINKS)
    return rebuild(made, slots.substitutions, slots.subject)


def test_latin_names_in_a_right_to_left_mail_are_isolated(templates: TemplateLibrary) -> None:
    """In HTML they stand in `<bdi>`, in text and subject between the two signs; Hebrew names stay as they are."""
    built = mail(templates, "he", "Anna (VIP)")
    subject, hello = (in_words_of("he", text) for text in ("{name}, your basket is still here", "Hello {name},"))
    assert "<bdi>Coffee (beans), 1 kg</bdi></a>" in built.html
    assert "- \u2068Coffee (beans), 1 kg\u2069 (" in built.text
    assert built.subject == subject.format(name="\u2068Anna (VIP)\u2069")
    assert f"{hello.format(name='<bdi>Anna (VIP)</bdi>')}</p>" in built.html
    assert ">קפה (טחון)</strong>" in built.html
    assert "\n\u200f- קפה (טחון)  " in built.text


def test_a_line_of_a_text_part_has_the_direction_of_its_language(templates: TemplateLibrary) -> None:
    """A program takes a line's direction from its first letter outside of isolated values. A Persian amount begins with
    a mark to the other side, and a line may have no word of its own."""
    for language, direction in (("en", "L"), ("he", "R"), ("fa", "R")):
        lines = mail(templates, language, "Anna דנה").text.splitlines()
        found = {line: first_strong(line) for line in lines if line.strip("- ")}
        usual = {"L", ""} if direction == "L" else {"R"}  # a line without any letter is read from left to right
        assert {line: one for line, one in found.items() if one not in usual} == {}
    assert "  \u2068\u200e$\xa0۴٫۹۸\u2069" in mail(templates, "fa", "Anna").text


def first_strong(line: str) -> str:
    """Return L or R, by the rule P2 of Unicode's bidirectional algorithm."""
    outside = re.sub("\u2068[^\u2069]*\u2069", "", line)
    classes = (unicodedata.bidirectional(character) for character in outside)
    return {"AL": "R"}.get(found := next((one for one in classes if one in ("L", "R", "AL")), ""), found)


def test_letters_of_attributes_survive_the_conversion(tmp_path: Path) -> None:
    """A vowel of Thai, a point of Hebrew or a joined emoji stays what it is in a link, a label or a text."""
    made = library(tmp_path)
    shutil.copy(tmp_path / "translations/en.yaml", tmp_path / "translations/he.yaml")
    brand = {**BASE["brand"], "name": "ร้านน้ำชา שָׁלוֹם 👩\u200d🍳 A\\B", "url": "https://shop.example.com/น้ำ/",
             "logo_url": "https://shop.example.com/น้ำ.png"}  # fmt: skip
    for language in ("en", "he"):
        html = made.shell(ShellSpec("trial/mail", "trial", "mail", None, language, "USD", brand)).html
        assert "\\u{" not in html
        assert f'alt="{brand["name"]}"' in html
        assert f'aria-label="{brand["name"]}"' in html
        assert 'href="https://shop.example.com/น้ำ/"' in html
        assert 'src="https://shop.example.com/น้ำ.png"' in html


def test_a_right_to_left_name_in_an_english_mail_is_isolated(templates: TemplateLibrary) -> None:
    """Its comma and what follows stay where English puts them, and the subject reads from left to right."""
    built = mail(templates, "en", "דנה")
    assert built.subject == "\u2068דנה\u2069, your basket is still here"
    assert "Hello <bdi>דנה</bdi>,</p>" in built.html
    assert "Hello \u2068דנה\u2069,\n" in built.text
    assert "<bdi>קפה (טחון)</bdi></strong>" in built.html
    assert ">Coffee (beans), 1 kg</a>" in built.html


@pytest.mark.parametrize("language", ["en", "he", "fa"])
def test_addresses_and_attributes_hold_no_sign(templates: TemplateLibrary, language: str) -> None:
    """Links, alternative texts, styles, colours and the document's own attributes are as in any mail."""
    built = mail(templates, language, "Anna דנה")
    assert OPEN not in built.html.replace("<title>\u2068Corner Market\u2069</title>", "")
    for attribute in (
        'href="https://shop.example.com/coffee"',
        'alt="Coffee (beans), 1 kg"',
        f'<html lang="{language}"',
    ):
        assert attribute in built.html
    assert f'href="{LINKS["leave_url"]}"' in built.html
    assert f": {LINKS['leave_url']}\n" in built.text
    assert built.html.count("<bdi>") == built.html.count("</bdi>") > 0
    assert built.text.count(OPEN) == built.text.count(CLOSE) > 0


def test_the_checks_hold_in_a_right_to_left_language(templates: TemplateLibrary) -> None:
    """Slots and whole rendering are equal, byte for byte, and nothing else is wrong with templates that use each macro.
    Links keep their words of other letters as they are."""
    names = with_each_macro(templates)
    assert {name: check_template(templates, name, ["fa"]) for name in names} == {name: [] for name in names}


def with_each_macro(templates: TemplateLibrary) -> list[str]:
    """Return templates that use every shared macro between them: reading all of them takes a minute."""
    chosen, seen = [], set[tuple[str, str]]()
    for name in templates.names():
        for file in ("body.mjml", "body.txt"):
            text = (templates.folder / name / file).read_text(encoding="utf-8")
            imports = re.findall(r"{% from \S+ import ([^%]*?)(?: with context)? %}", text)
            used = {(file, macro.strip()) for line in imports for macro in line.split(",")}
            if used - seen:
                chosen.append(name)
                seen |= used
    assert {("body.txt", "page_button"), ("body.txt", "survey"), ("body.mjml", "survey")} <= seen
    return list(dict.fromkeys(chosen))


def test_a_slot_inside_an_attribute_gets_no_markup(tmp_path: Path) -> None:
    """The same value, once in an alternative text and once in the open."""
    content = '<img src="https://shop.example.com/a.png" alt="{% slot a %}{{ customer.first_name }}{% endslot %}" />'
    made = library(tmp_path, content + "{% slot b %}{{ customer.first_name }}{% endslot %}")
    one = shell(made)
    slots = made.slots(one).render(customer(first_name="דנה"), cart(), LINKS)
    built = rebuild(one, slots.substitutions, slots.subject)
    assert 'alt="דנה" />' in built.html
    assert "<bdi>דנה</bdi></div>" in built.html
    assert built == made.whole(one, customer(first_name="דנה"), cart(), LINKS)


@pytest.mark.parametrize(
    ("direction", "value", "is_isolated"),
    [
        ("ltr", "Anna", False), ("ltr", "Zoë 中文 สวัสดี", False), ("ltr", "דנה", True), ("ltr", "سارا", True),
        ("ltr", "Anna דנה", True), ("ltr", "٣٤", False), ("ltr", "12 (34)", False),
        ("ltr", "https://קפה.example/א", False), ("ltr", "Anna\u200f (1)", True), ("ltr", "\u061c12", True),
        ("rtl", "\u200e$\xa04", True), ("rtl", "\u200e", True), ("ltr", "\u200e$\xa04", False),
        ("rtl", "דנה", False), ("rtl", "می\u200cخواهم", False), ("rtl", "12 (34)", False),
        ("rtl", "\u200f15 \u200f₪", False),
        ("rtl", "Anna", True), ("rtl", "中文", True), ("rtl", "דנה Anna", True), ("rtl", "US$ 4.00", True),
        ("rtl", "https://shop.example.com/a", False), ("rtl", "info@example.com", False), ("rtl", "SPRING-10", False),
        ("rtl", "10-SPRING", True), ("rtl", "", False),
    ],
)  # fmt: skip
def test_only_letters_of_the_other_direction_are_a_reason(direction: str, value: str, is_isolated: bool) -> None:
    """Digits, signs and marks are none, and addresses and codes stay as people copy them."""
    expected = f"{OPEN}{value}{CLOSE}" if is_isolated else value
    assert text_writer(direction)(value) == expected
    assert html_writer(direction)(value) == expected


def test_a_value_cannot_bring_signs_of_its_own(tmp_path: Path) -> None:
    """Signs inside a value are taken out, in a message with another isolated value too."""
    shutil.copytree(templates_in(tmp_path / "templates", "he") / "translations", tmp_path / "own")
    (tmp_path / "own/he.yaml").write_text('direction: rtl\nmessages: {a: "{one} + {two} + {none}"}', encoding="utf-8")
    (tmp_path / "translations").symlink_to(tmp_path / "own")
    t = Wording(tmp_path, "he").translator("x/y")
    assert t("a", one="Te\u2069a", two="ת\u2068ה", none=None) == "\u2068Tea\u2069 + תה + "
    assert html_writer("rtl")(t("a", one="<b>", two="ת", none=1)) == "\u2068&lt;b&gt;\u2069 + ת + 1"


def test_a_cut_subject_closes_what_it_opened() -> None:
    """A long name is cut inside its isolation, and the sign that ends it is put back."""
    line = subject_line(f"{OPEN}{'דנה ' * 60}{CLOSE}, hello")
    assert (line.count(OPEN), line.count(CLOSE), line[-2:]) == (1, 1, f"{CLOSE}…")


def test_html_around_the_signs() -> None:
    """Markup stands in the open alone; a token's place tells which it is."""
    head = f"<mj-title>{OPEN}A{CLOSE}</mj-title><mj-style>.a{{color:{OPEN}red{CLOSE}}}</mj-style>"
    mjml = f'{head}<p dir="{OPEN}x{CLOSE}">{OPEN}B{CLOSE}</p>'
    assert with_bdi(mjml) == (
        f'<mj-title>{OPEN}A{CLOSE}</mj-title><mj-style>.a{{color:red}}</mj-style><p dir="x"><bdi>B</bdi></p>'
    )
    assert is_in_tag('<a href="T">x</a>', "T")
    assert not is_in_tag("<a>T</a>", "T")
