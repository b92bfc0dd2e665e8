"""Slots and shells: what a recipient gets, what a recipient's data can and cannot do, and how it is put together."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from message_templates import BASE, GREETING, LINKS, NAME, TEMPLATES, cart, customer, library, mjml, shell, text

from lifecycle_mail.errors import TemplateError
from lifecycle_mail.messages.directions import without_marks
from lifecycle_mail.messages.shells import RenderedMail, Shell, ShellSpec, rebuild
from lifecycle_mail.messages.slots import render_whole
from lifecycle_mail.messages.templates import TemplateLibrary, template_version
from lifecycle_mail.sendgrid.requests import slots_bytes

REAL = TemplateLibrary(TEMPLATES)
REMINDER = "cart_abandoned/reminder"


def item(**changes: Any) -> dict[str, Any]:
    """Return one line of a basket with changes."""
    base = {"product_id": "p", "name": "Eggs", "quantity": 1, "unit_price": "3.79", "url": None, "image_url": None}
    return {**base, **changes}


def basket(*items: dict[str, Any]) -> dict[str, Any]:
    """Return a cart of just these items."""
    return cart(items=list(items), item_count=len(items))


def mail(person: dict[str, Any] | None = None, context: dict[str, Any] | None = None) -> RenderedMail:
    """Return the cart reminder for one recipient, by shell and slots, and require that it equals the whole
    rendering."""
    made = shell(REAL, REMINDER)
    person, context = person or customer(), context or cart()
    slots = REAL.slots(made).render(person, context, LINKS)
    built = rebuild(made, slots.substitutions, slots.subject)
    assert built == REAL.whole(made, person, context, LINKS)
    return built


HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7*7 }}{% for x in y %}",
    "{{ customer.last_name }}",
    "[%lm-00000000-h-items%]",
    "%s %(name)s {name} {0}",
    "&lt;already&gt; &amp; '\"",
    "Æåß 中文 می\u200cخواهم 👩\u200d🍳",
    "<%asm_global_unsubscribe_url%>",
    "-->",
    "]]>",
    "</mj-text><mj-raw>",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_slots_in_a_shell_are_the_whole_mail_byte_for_byte(name: str) -> None:
    """Shell plus slots equal one rendering of everything, whatever the recipient's data holds."""
    built = mail(customer(first_name=name), basket(item(name=name), item(name="Eggs", quantity=2)))
    assert without_marks(built.subject).startswith(name.replace("<%", "< %")[:20].strip())


@pytest.mark.parametrize(
    "content",
    [
        "",
        "<b>Hello</b> {# nobody in particular #}",
        "{{ customer.first_name }}",
        "{{ customer.first_name or brand.name }}, {{ campaign }}",
        "{% if customer.first_name %}{{ customer.first_name }}{% endif %}",
        "{% set currency = currency ~ '!' %}{{ currency }}",
        "{% for item in context.items %}{{ loop.index }} {{ item.name }}{% set campaign = item.name %}{% endfor %}"
        "{{ campaign }}",
        "{% for brand in context.items %}{{ brand.name }}{% endfor %}{{ brand.name }}",
        "{% macro row(name, mark='*') %}{{ mark }} {{ name }} {{ currency }}{% endmacro %}{{ row(campaign) }}",
    ],
)
def test_every_shape_of_a_slot_is_its_content_in_the_whole_mail(content: str, tmp_path: Path) -> None:
    """No part that is compiled to a function reads otherwise: markup, own and shared names, loops, macros."""
    templates = library(tmp_path / "templates", f"{{% slot one %}}{content}{{% endslot %}}.")
    made = shell(templates)
    for person in (customer(), customer(first_name=None), customer(first_name="<b>Ada</b>")):
        slots = templates.slots(made).render(person, cart(), LINKS)
        assert rebuild(made, slots.substitutions, slots.subject) == templates.whole(made, person, cart(), LINKS)


SHOW = "{% macro show(value, name) %}{{ value }} {{ value is number }} {{ name }}{% endmacro %}\n"
KINDS = (1, 1.0, True, "1", "<b>", None, [1, 2], {"name": "<i>"})


@pytest.mark.parametrize(
    "slot",
    [
        "{{ show(context.value, customer.first_name) }}",
        "{% macro show(value, name) %}mine {{ context.value }} {{ name }}{% endmacro %}{{ show(1, 2) }}",
        "{% set name = 'Cy' if context.value is none else 'Di' %}{{ show(context.value, name) }}",
        "{{ show(value=context.value, name='Bo') }}",
    ],
)
def test_what_an_imported_macro_wrote_is_never_written_for_other_values(slot: str, tmp_path: Path) -> None:
    """Macros' results are remembered: values that are equal but not alike, lists, and own macros are kept apart."""
    head = '{% from "base/show.html" import show %}'
    body = {
        name: make(f"{{% slot one %}}{slot}{{% endslot %}}.")
        for name, make in (("body_mjml", mjml), ("body_txt", text))
    }
    body = {name: content.replace("%}\n", f"%}}\n{head}\n", 1) for name, content in body.items()}
    templates = library(tmp_path / "templates", **body)
    (templates.folder / "base" / "show.html").write_text(SHOW, encoding="utf-8")
    made = shell(templates)
    for value in KINDS * 2:
        for person in (customer(), customer(first_name="Bob")):
            slots = templates.slots(made).render(person, cart(value=value), LINKS)
            whole = templates.whole(made, person, cart(value=value), LINKS)
            assert rebuild(made, slots.substitutions, slots.subject) == whole


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "</td></table>"])
def test_markup_in_data_is_shown_and_never_executed(name: str) -> None:
    """A name that is HTML appears as text in the html, and as itself in the text part."""
    built = mail(customer(first_name=name), basket(item(name=name, image_url="https://x.example.com/i.png")))
    assert name not in built.html
    assert f"Hello {name}," in built.text
    assert "onerror=" not in re.sub(r"&lt;.*?&gt;", "", built.html)


def test_template_code_in_data_is_not_run() -> None:
    """{{7*7}} as a name is greeted as {{7*7}}."""
    built = mail(customer(first_name="{{7*7}}", last_name="SECRET"), basket(item(name="{{ customer.last_name }}")))
    for part in (built.html, built.text):
        assert "{{7*7}}" in part
        assert "{{ customer.last_name }}" in part
        assert "SECRET" not in part


def test_a_token_in_data_is_not_replaced() -> None:
    """Text that looks like a token stays text. That holds for a token of another shell, and even for one of this
    shell."""
    made = shell(REAL, REMINDER, token="0badc0de")
    for guess in ("[%lm-12345678-h-items%]", made.slot_tokens["text.items"], made.slot_tokens["html.cart_url"]):
        slots = REAL.slots(made).render(customer(first_name=guess), cart(), LINKS)
        greeting = slots.substitutions[made.slot_tokens["text.greeting"]]
        assert not any(token in value for token in slots.substitutions for value in slots.substitutions.values())
        assert greeting in rebuild(made, slots.substitutions, slots.subject).text
        assert slots.subject is not None
        assert not any(token in slots.subject for token in slots.substitutions)


def test_replacing_in_any_order_gives_the_same_mail() -> None:
    """SendGrid replaces literally, in an order of its own, perhaps several times over: the mail is the same."""
    made = shell(REAL, REMINDER)
    nasty = customer(first_name=made.slot_tokens["html.items"])
    slots = REAL.slots(made).render(nasty, cart(), LINKS)
    for order in (list(slots.substitutions.items()), list(slots.substitutions.items())[::-1]):
        html = made.html
        for _ in range(4):
            for token, value in order:
                html = html.replace(token, value)
        assert html == rebuild(made, slots.substitutions, slots.subject).html


def test_a_subject_cannot_bring_a_header() -> None:
    """A newline in a name becomes a blank; the subject stays one line of limited length."""
    built = mail(customer(first_name="Ada\r\nBcc: all@example.com\x00"))
    assert built.subject == "Ada Bcc: all@example.com, your basket is still here"
    long = mail(customer(first_name="A" * 400)).subject
    assert len(long) <= 121


def test_a_subject_is_not_escaped() -> None:
    """A subject is text: O'Neil stays O'Neil."""
    assert mail(customer(first_name="O'Neil & <Co>")).subject == "O'Neil & <Co>, your basket is still here"


def test_only_web_addresses_of_feeds_become_links() -> None:
    """javascript: and data: addresses are dropped; the product is named without a link, the button leads home."""
    built = mail(
        None, {**basket(item(url="javascript:alert(1)", image_url="data:image/png;base64,x")), "cart_url": "ftp://x"}
    )
    assert not re.search(r"javascript:|data:image|ftp:", built.html + built.text)
    assert '<strong style="color:#26231f;font-weight:600;">Eggs</strong>' in built.html
    assert f'href="{BASE["brand"]["url"]}" target="_blank"' in built.html


def test_names_and_pictures_may_be_missing() -> None:
    """Without a first name it says Hello, without a picture it shows a tile, with one an image with its text."""
    built = mail(customer(first_name=None), basket(item(), item(name="Milk", image_url="https://x.example.com/m.png")))
    assert ">Hello,<" in built.html
    assert built.subject == "Your basket is still here"
    assert built.html.count("<img ") == 1
    assert 'alt="Milk"' in built.html
    assert ">E</div>" in built.html


def test_an_attribute_cannot_be_left() -> None:
    """An ampersand in an address is escaped in the html and plain in the text part."""
    built = mail(None, cart(cart_url="https://shop.example.com/c?a=1&b=2"))
    assert 'href="https://shop.example.com/c?a=1&amp;b=2"' in built.html
    assert "https://shop.example.com/c?a=1&b=2\n" in built.text


def test_amounts_are_written_in_the_carts_currency() -> None:
    """Each amount is in its own currency, and in the shell's if it has none; two currencies have two totals."""
    in_euro = {"currency": "EUR", "total": "15.35"}
    assert "€15.35" in mail(None, cart(totals=[in_euro])).html
    assert "$15.35" in mail(None, cart(totals=[{**in_euro, "currency": None}])).html
    eggs = item(total="3.79", currency="GBP")
    totals = [in_euro, {**in_euro, "currency": "USD"}]
    both = mail(None, {**basket(eggs, item(total="2.00", currency=None)), "totals": totals})
    assert [amount in both.text for amount in ("£3.79", "$2.00", "Total: €15.35 + $15.35")] == [True] * 3


def test_a_missing_variable_is_refused_without_the_recipients_data() -> None:
    """The error names template, line, slot and variable, and nothing of the person."""
    renderer = REAL.slots(shell(REAL, REMINDER))
    context = cart()
    del context["cart_url"]
    with pytest.raises(TemplateError) as refused:
        renderer.render(customer(first_name="Confidential"), context, LINKS)
    message = str(refused.value)
    assert re.fullmatch(
        r"cart_abandoned/reminder/body\.mjml:\d+: slot cart_url: variable context\.cart_url is missing; .+", message
    )
    assert "Confidential" not in message
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__


@pytest.mark.parametrize(
    ("person", "context", "links", "named"),
    [
        ({"language": "en"}, {}, {}, "customer.first_name"),
        ({}, {"items": [{"name": "Eggs", "quantity": 1, "url": None, "image_url": None}]}, {}, "item.unit_price"),
        ({}, {}, {"unsubscribe_url": "https://x.example.com/u"}, None),
    ],
)
def test_each_missing_field_is_named(
    person: dict[str, Any], context: dict[str, Any], links: dict[str, Any], named: str | None
) -> None:
    """Whatever is missing, customer's or product's, is named as the template writes it."""
    renderer = REAL.slots(shell(REAL, REMINDER))
    given = person or customer()
    if named is None:
        named = "links.page_url"
    with pytest.raises(TemplateError, match=rf"variable {re.escape(named)} is missing"):
        renderer.render(given, cart(**context), links or LINKS)


def test_a_bad_amount_is_refused_without_repeating_it() -> None:
    """A price that is not a number stops that mail, and the error does not quote it."""
    renderer = REAL.slots(shell(REAL, REMINDER))
    with pytest.raises(TemplateError, match="slot items: a value cannot be written") as refused:
        renderer.render(customer(), basket(item(total="sixty-six", currency=None)), LINKS)
    assert "sixty" not in str(refused.value)


def test_nothing_undefined_is_ever_rendered(tmp_path: Path) -> None:
    """Undefined is strict in shells and in slots: an error, never an empty place."""
    templates = library(tmp_path, "{% slot a %}{{ customer.nickname }}{% endslot %}")
    with pytest.raises(TemplateError, match=r"trial/mail/body\.mjml:4: slot a: variable customer\.nickname is missing"):
        templates.slots(shell(templates)).render(customer(), cart(), LINKS)
    templates = library(tmp_path / "other", "{{ brandd.name }}")
    with pytest.raises(TemplateError, match=r"trial/mail/body\.mjml:4: 'brandd' is undefined"):
        shell(templates)


def test_personal_data_never_gets_into_a_shell(tmp_path: Path) -> None:
    """Even unchecked, a template that uses a customer outside a slot cannot be rendered for anyone."""
    templates = library(tmp_path, "Hello {{ customer.first_name }}")
    with pytest.raises(TemplateError, match=r"body\.mjml:4: 'customer' is undefined"):
        shell(templates)


def test_the_personal_offer_goes_over_the_shells(tmp_path: Path) -> None:
    """A slot sees the step's offer with the recipient's own code; without one, the step's alone."""
    templates = library(tmp_path, "{% slot o %}{{ offer.percent }}/{{ offer.code }}{% endslot %}")
    made = shell(templates, offer={"percent": 10, "valid_hours": 24})
    token = made.slot_tokens["text.o"]
    renderer = templates.slots(made)
    assert renderer.render(customer(), cart(), LINKS, {"code": "A1"}).substitutions[token] == "10/A1"
    assert renderer.render(customer(), cart(), LINKS, None).substitutions[token] == "10/"


@pytest.mark.parametrize(
    ("offer", "shown"),
    [
        ({"percent": 12.5}, "12.5% off|1.||For: 12.5% off"),
        ({"amount": "5", "currency": "EUR", "minimum": "30", "only_once": True},
         "€5.00 off|1. On orders of €30.00 or more. It works once.||For: €5.00 off"),
        ({"free_shipping": True}, "Free delivery|1.||For: Free delivery"),
        ({"gift": "coffee"}, "A bag of coffee, as a gift|1.||For: A bag of coffee, as a gift"),
    ],
)  # fmt: skip
def test_every_kind_of_offer_is_shown_with_code_and_end(tmp_path: Path, offer: dict[str, Any], shown: str) -> None:
    """One card tells any offer: what it gives, the author's words, its conditions, the recipient's code, its end."""
    card = '{% call offer_card("1.") %}{% slot c %}{{ offer_code(offer, customer.timezone) }}{% endslot %}{% endcall %}'
    imported = '{% from "base/macros.txt" import offer_card, offer_code %}'
    templates = library(tmp_path, "", body_txt=f"{imported}{card}For: {{{{ offer_title() }}}}\n")
    made = shell(templates, offer={**offer, "valid_hours": 24})
    own = {"code": "KHMTP-WXC4R", "valid_until": "2026-12-03T14:00:00+00:00"}
    personal = (customer(timezone="Asia/Bangkok"), cart(), LINKS)
    slots = templates.slots(made).render(*personal, own)
    ends = "Your code: KHMTP-WXC4R|Valid until December 3, 9:00\u202fPM GMT+07:00"
    text = rebuild(made, slots.substitutions).text
    assert "|".join(text.splitlines()) == shown.replace("||", f"|{ends}|")
    assert templates.whole(made, *personal, own).text == text


def test_slots_hidden_by_a_variant_are_not_rendered() -> None:
    """Without an offer there is no code slot: nothing travels that the mail does not show."""
    name = "cart_abandoned/incentive"
    offer = {"percent": 10, "valid_hours": 24}
    shown = shell(REAL, name, variant="with_offer", offer=offer)
    hidden = shell(REAL, name, variant="without_offer")
    assert shown.slot_tokens.keys() - hidden.slot_tokens.keys() == {
        "html.offer_code", "text.offer_code", "preheader.teaser"
    }  # fmt: skip
    slots = REAL.slots(hidden).render(customer(), cart(), LINKS)
    assert slots.substitutions.keys() == set(hidden.slot_tokens.values())
    assert slots.subject is None


def test_every_token_is_its_own() -> None:
    """Two renderings share no token; html and text versions of a slot differ; no token holds another."""
    one, other = shell(REAL, REMINDER), shell(REAL, REMINDER)
    tokens = [*one.slot_tokens.values(), *other.slot_tokens.values()]
    assert len(set(tokens)) == len(tokens)
    assert one.slot_tokens["html.items"] != one.slot_tokens["text.items"]
    assert not any(a != b and a in b for a in tokens for b in tokens)
    assert all(re.fullmatch(r"\[%lm-[0-9a-f]{8}-[htsp]-[a-z_]+%\]", token) for token in tokens)


def test_a_subject_without_words_is_refused(tmp_path: Path) -> None:
    """The subject is only a name, and the customer has none: the mail is refused, so no empty subject leaves."""
    templates = library(tmp_path, subject_txt="{% slot subject %}{{ customer.first_name or '' }}{% endslot %}\n")
    slots = templates.slots(shell(templates))
    assert slots.render(customer(), cart(), LINKS).subject == "Ada"
    with pytest.raises(TemplateError, match=r"subject\.txt: the subject is empty"):
        slots.render(customer(first_name=None), cart(), LINKS)


def test_the_personal_subject_rides_alone() -> None:
    """Subject tokens are not among the substitutions: the subject goes ready with each recipient."""
    made = shell(REAL, REMINDER)
    slots = REAL.slots(made).render(customer(), cart(), LINKS)
    assert made.personal_subject
    assert slots.subject == "Ada, your basket is still here"
    assert made.slot_tokens["subject.subject"] not in slots.substitutions
    with pytest.raises(TemplateError, match="its subject is personal"):
        rebuild(made, slots.substitutions, None)


def test_a_shell_survives_the_database() -> None:
    """From columns, with jsonb as text or parsed, comes the same shell, whose slots still fit."""
    made = shell(REAL, "cart_abandoned/incentive", variant="with_offer", offer={"percent": 10, "valid_hours": 24})
    columns = made.columns()
    as_text = {k: json.dumps(v) if isinstance(v, dict) else v for k, v in columns.items()}
    for row in (columns, as_text, {**columns, "shell_id": 7}):
        back = Shell.from_columns(row)
        assert back == made
        assert back.shell_key == columns["shell_key"]
    fresh = TemplateLibrary(TEMPLATES)
    slots = fresh.slots(Shell.from_columns(as_text)).render(customer(), cart(), LINKS)
    assert rebuild(made, slots.substitutions) == render_whole(made, slots)
    assert "10% off" in render_whole(made, slots).html


def test_the_key_names_the_group_and_nothing_else() -> None:
    """The same ingredients give the same key before and after rendering; any other ingredient gives another key."""
    place: dict[str, Any] = {
        "campaign": "trial", "step": "mail", "variant": None, "language": "en", "currency": "USD",
        "brand": BASE["brand"],
    }  # fmt: skip
    key = REAL.shell_key(ShellSpec(REMINDER, **place))
    assert key == shell(REAL, REMINDER).shell_key == shell(REAL, REMINDER).shell_key
    changes = (
        {"campaign": "x"}, {"step": "x"}, {"variant": "x"}, {"currency": "EUR"}, {"offer": {"percent": 5}},
        {"brand": {**BASE["brand"], "name": "Other"}},
    )  # fmt: skip
    others = {REAL.shell_key(ShellSpec(REMINDER, **{**place, **change})) for change in changes}
    assert len(others) == len(changes)
    assert key not in others


def test_a_version_follows_everything_the_mail_depends_on(tmp_path: Path) -> None:
    """Own files, layout, macros and the words it uses change the version; the sample and other words do not."""
    library(tmp_path, body_txt='{% from "base/macros.txt" import product_row %}' + text(GREETING))
    versions = [template_version(tmp_path, NAME)]
    for file in (f"{NAME}/body.txt", f"{NAME}/subject.txt", "base/layout.mjml", "base/macros.txt"):
        with (tmp_path / file).open("a", encoding="utf-8") as opened:
            opened.write("\n# changed\n")
        versions.append(template_version(tmp_path, NAME))
    words = tmp_path / "translations" / "en.yaml"
    written = words.read_text(encoding="utf-8")
    words.write_text(re.sub("unsubscribe: .*", "unsubscribe: Leave", written), encoding="utf-8")
    versions.append(template_version(tmp_path, NAME))
    assert len(set(versions)) == len(versions) == 6
    words.write_text(words.read_text(encoding="utf-8") + "  trial: {other: {title: New}}\n", encoding="utf-8")
    (tmp_path / NAME / "sample.json").write_text("{}", encoding="utf-8")
    assert template_version(tmp_path, NAME) == versions[-1]
    with pytest.raises(TemplateError, match="trial/none: no such template"):
        template_version(tmp_path, "trial/none")


def test_slots_of_changed_templates_do_not_go_into_an_old_shell(tmp_path: Path) -> None:
    """A shell rendered before a change refuses slots compiled after it."""
    templates = library(tmp_path, GREETING)
    made = shell(templates)
    with (tmp_path / NAME / "body.txt").open("a", encoding="utf-8") as opened:
        opened.write("{# changed #}")
    with pytest.raises(TemplateError, match="the template changed since its shell"):
        TemplateLibrary(tmp_path).slots(made)


def test_a_slot_without_value_is_refused() -> None:
    """A mail is never shown with a token in it."""
    made = shell(REAL, REMINDER)
    slots = REAL.slots(made).render(customer(), cart(), LINKS)
    token = made.slot_tokens["html.items"]
    lacking = {key: value for key, value in slots.substitutions.items() if key != token}
    with pytest.raises(TemplateError, match="no value for slot token"):
        rebuild(made, lacking, slots.subject)


def test_the_size_counts_keys_and_values_in_bytes() -> None:
    """The 10,000 byte rule is about UTF-8, and keys count too."""
    assert slots_bytes({}) == 0
    assert slots_bytes({"[%a%]": "é中", "k": "abc"}) == 5 + 2 + 3 + 1 + 3


def test_a_brand_without_an_address_cannot_send() -> None:
    """A brand needs the fields that the law and readers want, and a colour whose shades can be computed."""
    with pytest.raises(TemplateError, match="the brand lacks postal_address"):
        shell(REAL, REMINDER, brand={**BASE["brand"], "postal_address": ""})
    with pytest.raises(TemplateError, match="colour is not written as #rrggbb"):
        shell(REAL, REMINDER, brand={**BASE["brand"], "colour": "green"})
