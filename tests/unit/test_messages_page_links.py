"""Links to a recipient's pages: in templates by one slot and three macros, signed, and known to the checks."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from message_templates import GREETING, LINKS, NAME, library, mjml, shell, text

from lifecycle_mail.messages.links import make_page_token, page_links
from lifecycle_mail.messages.samples import read_samples
from lifecycle_mail.messages.shells import rebuild
from lifecycle_mail.messages.template_checks import check_template

MESSAGE = "018f3c1e-7b1a-7000-8000-000000000001"
SLOT = "{% slot page_url %}{{ links.page_url }}{% endslot %}"
IMPORT = '{%% from "base/macros.%s" import page_button, survey, stay_or_go %%}\n{%% block content %%}'
CALLS = (
    '{% call page_button("Yes, it is me", "confirm") %}' + SLOT + "{% endcall %}"
    '{% call survey("How was it?", "first_order", [["good", "Good"], ["poor", "Poor"]]) %}' + SLOT + "{% endcall %}"
    '{% call stay_or_go("I am still here", "Please stop") %}' + SLOT + "{% endcall %}"
)
SURVEY = "/survey/first_order"
WANTED = ("/confirm", f"{SURVEY}/good", f"{SURVEY}/poor", "/stay", "/leave", "/preferences", "/view")


def test_the_macros_write_untracked_links_in_both_parts(tmp_path: Path) -> None:
    """Button, survey and choice lead below the mail's own address, and the template passes its check."""
    body = mjml(GREETING).replace("{% block content %}", IMPORT % "mjml" + CALLS)
    plain = text(GREETING).replace("{% block content %}", IMPORT % "txt" + CALLS)
    templates = library(tmp_path, body_mjml=body, body_txt=plain)
    assert [str(error) for error in check_template(templates, NAME)] == []
    sample, made = read_samples(tmp_path, NAME)[0], shell(templates)
    slots = templates.slots(made).render(sample.customer, sample.context, LINKS)
    mail = rebuild(made, slots.substitutions, slots.subject)
    for page in WANTED:
        assert f'clicktracking="off" href="{LINKS["page_url"]}{page}"' in mail.html.replace(' title="How was it?"', "")
        assert f": {LINKS['page_url']}{page}\n" in mail.text
    assert sum(value == LINKS["page_url"] for value in slots.substitutions.values()) == 2  # one of html, one of text


@pytest.mark.parametrize(("page", "why"), [
    ("confirn", "there is no page /confirn (did you mean confirm?)"),
    ("survey/Size/10 x", "there is no page /survey/Size/10"),
    ("survey/size", "there is no page /survey/size"),
])  # fmt: skip
def test_a_page_that_is_not_there_is_refused(tmp_path: Path, page: str, why: str) -> None:
    """A wrong word behind the address would lead recipients to nothing."""
    link = f'<a clicktracking="off" href="{SLOT}/{page}">x</a>'
    templates = library(tmp_path, body_mjml=mjml(GREETING + link), body_txt=text(GREETING + SLOT + f"/{page}"))
    assert any(why in str(error) for error in check_template(templates, NAME))


def test_a_tracked_link_to_a_page_is_refused(tmp_path: Path) -> None:
    """SendGrid would count a click there as interest in the mail."""
    templates = library(
        tmp_path, body_mjml=mjml(f'{GREETING}<a href="{SLOT}/stay">x</a>'), body_txt=text(GREETING + SLOT + "/stay")
    )
    assert any("SendGrid would count clicks" in str(error) for error in check_template(templates, NAME))


def test_a_token_names_the_mail_and_its_last_day_alone() -> None:
    """46 characters that are safe in an address: the message id, the day, and what the secret makes of them."""
    day = dt.date(2027, 1, 5)
    token = make_page_token("secret", MESSAGE, day)
    assert len(token) == 46
    assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    others = {
        make_page_token("other", MESSAGE, day), make_page_token("secret", MESSAGE, dt.date(2027, 1, 6)),
        make_page_token("secret", MESSAGE[:-1] + "2", day), token,
    }  # fmt: skip
    assert len(others) == 4
    assert page_links("https://mail.example.com", token)["stay_url"] == f"https://mail.example.com/m/{token}/stay"
