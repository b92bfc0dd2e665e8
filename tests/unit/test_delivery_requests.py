"""The requests that we send, judged by SendGrid's own specification, and what they may never carry."""

from __future__ import annotations

import uuid
from typing import Any

import orjson
import pytest

from event_collector.links import read_token
from lifecycle_mail.campaigns import Topic
from lifecycle_mail.messages.links import unsubscribe_url
from lifecycle_mail.messages.shells import Shell, ShellSpec, rebuild
from lifecycle_mail.messages.states import ClaimedMail, MessageKey
from lifecycle_mail.sendgrid.requests import PIECE_BYTES, Request, build_request, build_whole_request
from planning import BRAND, CART_CONTEXT, LIBRARY, TOPICS
from sendgrid_specification import mail_validator, needs_specification

TOPIC = TOPICS["reminders"]


def shell_of(template: str = "cart_abandoned/reminder") -> Shell:
    return LIBRARY.shell(ShellSpec(
        template, campaign="cart_abandoned", step="reminder", variant="default", language="en", currency="EUR",
        brand=BRAND.for_templates(), offer=None,
    ))  # fmt: skip


def mails_of(shell: Shell, count: int) -> list[ClaimedMail]:
    renderer = LIBRARY.slots(shell)
    found = []
    for number in range(count):
        person = {
            "first_name": f"Zoë{number}", "last_name": "O'Hara", "language": "en", "currency": "EUR",
            "country": None, "timezone": "UTC",
        }  # fmt: skip
        message_id = str(uuid.uuid5(uuid.NAMESPACE_OID, str(number)))
        link = unsubscribe_url("https://mail.shop.test", "a-secret", message_id, "reminders")
        links = {"unsubscribe_url": link, "page_url": f"https://mail.shop.test/m/{number}"}
        slots = renderer.render(person, CART_CONTEXT, links, None)
        plain = orjson.dumps(slots.substitutions)
        key, email = MessageKey(number, "reminder"), f"person{number}@example.com"
        found.append(ClaimedMail(key, message_id, email, link, slots.subject, plain, b""))
    return found


def body_of(request: Request) -> dict[str, Any]:
    return orjson.loads(b"".join(request.pieces()))


@pytest.fixture(scope="module")
def request_of_a_thousand() -> dict[str, Any]:
    shell = shell_of()
    return body_of(build_request(shell.campaign, shell, mails_of(shell, 1000), TOPIC))


@needs_specification
def test_a_full_request_satisfies_the_specification(request_of_a_thousand: dict[str, Any]) -> None:
    """A thousand recipients, as JSON on the wire, break no rule of SendGrid's published specification."""
    assert [error.message for error in mail_validator().iter_errors(request_of_a_thousand)] == []


@needs_specification
def test_a_whole_request_satisfies_the_specification() -> None:
    """The fallback for large slots is as right."""
    shell = shell_of()
    [mail] = mails_of(shell, 1)
    whole = rebuild(shell, mail.substitutions(), mail.subject)
    body = body_of(build_whole_request(shell.campaign, whole, mail, TOPIC))
    assert [error.message for error in mail_validator().iter_errors(body)] == []
    assert "substitutions" not in body["personalizations"][0]


@needs_specification
@pytest.mark.parametrize(
    ("reply_to", "expected"),
    [
        ("help@example.com", {"email": "help@example.com"}),
        ({"email": "help@example.com", "name": "Help desk"}, {"email": "help@example.com", "name": "Help desk"}),
    ],
)
def test_answers_and_addresses_of_a_topic(reply_to: str | dict[str, str], expected: dict[str, str]) -> None:
    """A topic's reply_to and ip_pool stand in its requests as SendGrid's specification names them, for all recipients
    at once, and a topic without them has neither."""
    shell = shell_of()
    topic = Topic.model_validate({**TOPIC.model_dump(by_alias=True), "reply_to": reply_to, "ip_pool": "marketing mail"})
    body = body_of(build_request(shell.campaign, shell, mails_of(shell, 2), topic))
    assert [error.message for error in mail_validator().iter_errors(body)] == []
    assert (body["reply_to"], body["ip_pool_name"]) == (expected, "marketing mail")
    plain = body_of(build_request(shell.campaign, shell, mails_of(shell, 2), TOPIC))
    assert {"reply_to", "ip_pool_name"}.isdisjoint(plain)


def test_custom_args_and_categories_name_nobody(request_of_a_thousand: dict[str, Any]) -> None:
    """SendGrid keeps them for good: an opaque id, the campaign's name, and nothing else."""
    for personalization in request_of_a_thousand["personalizations"]:
        assert set(personalization["custom_args"]) == {"lm_message_id"}
        uuid.UUID(personalization["custom_args"]["lm_message_id"])
    assert request_of_a_thousand["categories"] == ["cart_abandoned"]
    assert "custom_args" not in request_of_a_thousand


def test_no_bypass_is_ever_asked_for(request_of_a_thousand: dict[str, Any]) -> None:
    """Suppression at the provider always holds."""
    assert b"bypass" not in orjson.dumps(request_of_a_thousand)


def test_each_recipient_has_a_one_click_header_of_its_own(request_of_a_thousand: dict[str, Any]) -> None:
    """The link names mail and topic, and the collector that serves it reads it back."""
    for personalization in request_of_a_thousand["personalizations"]:
        headers = personalization["headers"]
        assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        link = headers["List-Unsubscribe"].strip("<>")
        token = link.removeprefix("https://mail.shop.test/unsubscribe/")
        expected = (personalization["custom_args"]["lm_message_id"], "reminders")
        assert read_token("a-secret", token) == expected


def test_what_the_recipient_gets_is_the_rebuilt_mail() -> None:
    """Literal substitution by the provider gives byte for byte the mail kept in the ledger."""
    shell = shell_of()
    mail = mails_of(shell, 1)[0]
    body = body_of(build_request(shell.campaign, shell, [mail], TOPIC))
    text, html = (part["value"] for part in body["content"])
    for token, value in body["personalizations"][0]["substitutions"].items():
        text, html = text.replace(token, value), html.replace(token, value)
    kept = rebuild(shell, mail.substitutions(), mail.subject)
    assert (text, html) == (kept.text, kept.html)
    assert body["personalizations"][0].get("subject", body["subject"]) == kept.subject


@pytest.mark.parametrize("count", [1, 2, 24, 100, 1000])
def test_the_pieces_are_as_long_as_announced_and_none_is_large(count: int) -> None:
    """The Content-Length is theirs exactly, whatever the number; memory holds one small piece at a time."""
    shell = shell_of()
    mails = mails_of(shell, count)
    request = build_request(shell.campaign, shell, mails, TOPIC)
    sizes = [len(piece) for piece in request.pieces()]
    assert sum(sizes) == request.size
    longest = max(sum(map(len, recipient)) for recipient in request.recipients)
    assert max(sizes) <= PIECE_BYTES + len(request.shared) + longest
    assert [one["to"] for one in body_of(request)["personalizations"]] == [
        [{"email": f"person{number}@example.com"}] for number in range(count)
    ]
