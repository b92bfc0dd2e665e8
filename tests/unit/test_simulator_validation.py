"""What the simulator refuses, rule by rule, and that it agrees with SendGrid's published specification."""

import copy
import random
from collections.abc import Callable
from typing import Any

import pytest

from sendgrid_simulator.validation import PROBLEMS_MAX, Scope, check_mail, is_sandboxed
from sendgrid_specification import mail_validator, needs_specification

NOW = 1_795_000_000
SCOPE = Scope(NOW)
Mail = dict[str, Any]


def good_mail(recipients: int = 1) -> Mail:
    return {
        "personalizations": [
            {
                "to": [{"email": f"reader{n}@example.com", "name": "Reader"}],
                "custom_args": {"lm_message_id": f"m{n}"},
            }
            for n in range(recipients)
        ],
        "from": {"email": "shop@example.com", "name": "Shop"},
        "subject": "Hello",
        "content": [{"type": "text/plain", "value": "Hello"}, {"type": "text/html", "value": "<p>Hello</p>"}],
    }


def changed(path: str, value: Any, recipients: int = 2) -> Mail:
    """A good mail with one value set, or removed where the value is `...`."""
    mail = good_mail(recipients)
    *parents, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    place: Any = mail
    for part in parents:
        place = place[part] if isinstance(place, list) else place.setdefault(part, {})
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return mail


def spread(kind: str, addresses: int) -> Mail:
    mail = good_mail()
    mail["personalizations"][0][kind] = [{"email": f"{kind}{n}@example.com"} for n in range(addresses)]
    return mail


def without(key: str, mail: Mail) -> Mail:
    return {name: value for name, value in mail.items() if name != key}


def copied_to_many(people: int) -> Mail:
    """Each personalization has one address in to and one in cc."""
    mail = good_mail(people)
    for number, person in enumerate(mail["personalizations"]):
        person["cc"] = [{"email": f"copy{number}@example.com"}]
    return mail


GROUPS_26 = {"group_id": 1, "groups_to_display": list(range(26))}
ATTACHMENT = {"content": "aGVsbG8=", "filename": "a.txt", "type": "text/plain", "disposition": "attachment"}

GOOD: dict[str, Mail] = {
    "plain": good_mail(),
    "1000 personalizations": good_mail(1000),
    "1000 addresses in one to": spread("to", 1000),
    "message-level custom_args object": changed("custom_args", {"a": "b"}),
    "template without subject and content": {
        **{key: value for key, value in good_mail().items() if key not in ("subject", "content")},
        "template_id": "d-123",
    },
    "a subject in every personalization": {
        **{key: value for key, value in good_mail().items() if key != "subject"},
        "personalizations": [{"to": [{"email": "a@example.com"}], "subject": "Mine"}],
    },
    "10 categories": changed("categories", [f"c{n}" for n in range(10)]),
    "a category of 255 characters": changed("categories", ["c" * 255]),
    "25 groups to display": changed("asm", {"group_id": 1, "groups_to_display": list(range(25))}),
    "unsubscribe headers in a personalization": changed(
        "personalizations.0.headers",
        {
            "List-Unsubscribe": "<https://x.example.com/u/1>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        },
    ),
    "substitutions": changed("personalizations.0.substitutions", {"-name-": "Ada", "-items-": "<b>1</b>"}),
    "send_at in the past": changed("send_at", 1),
    "send_at in 72 hours": changed("send_at", NOW + 72 * 3600),
    "send_at 3.0 is an integer": changed("send_at", 3.0),
    "sandbox on": changed("mail_settings", {"sandbox_mode": {"enable": True}}),
    "an attachment": changed("attachments", [ATTACHMENT]),
    "reply_to": changed("reply_to", {"email": "help@example.com"}),
    "reply_to_list": changed("reply_to_list", [{"email": "a@example.com"}, {"email": "b@example.com"}]),
    "pool of 2 characters": changed("ip_pool_name", "ab"),
    "tracking settings": changed("tracking_settings", {"click_tracking": {"enable": True, "enable_text": False}}),
}

BAD: dict[str, tuple[Mail, str]] = {
    "message-level custom_args string": (changed("custom_args", "x"), "custom_args"),
    "empty custom_args": (changed("custom_args", {}), "custom_args"),
    "a number in custom_args": (
        changed("personalizations.1.custom_args", {"a": 1}), "personalizations.1.custom_args"
    ),
    "1001 addresses in one to": (spread("to", 1001), "personalizations.0.to"),
    "1001 addresses in one cc": (spread("cc", 1001), "personalizations.0.cc"),
    "1001 addresses in one bcc": (spread("bcc", 1001), "personalizations.0.bcc"),
    "1001 personalizations": (good_mail(1001), "personalizations"),
    "no personalizations": (changed("personalizations", ...), "personalizations"),
    "empty personalizations": (changed("personalizations", []), "personalizations"),
    "no to": (changed("personalizations.1.to", ...), "personalizations.1.to"),
    "empty to": (changed("personalizations.1.to", []), "personalizations.1.to"),
    "no from": (changed("from", ...), "from"),
    "no content and no template": (changed("content", ...), "content"),
    "an unknown property": (changed("personalisations", []), "personalisations"),
    "an unknown property of a personalization": (
        changed("personalizations.1.vars", {}), "personalizations.1.vars"
    ),
    "11 categories": (changed("categories", [f"c{n}" for n in range(11)]), "categories"),
    "a category of 256 characters": (changed("categories", ["c" * 256]), "categories.0"),
    "a category twice": (changed("categories", ["a", "a"]), "categories.1"),
    "26 groups to display": (changed("asm", GROUPS_26), "asm.groups_to_display"),
    "asm without a group": (changed("asm", {}), "asm.group_id"),
    "send_at as text": (changed("send_at", "tomorrow"), "send_at"),
    "send_at as a boolean": (changed("send_at", True), "send_at"),
    "sandbox as text": (
        changed("mail_settings", {"sandbox_mode": {"enable": "true"}}), "mail_settings.sandbox_mode.enable"
    ),
    "an address without @": (
        changed("personalizations.1.to.0.email", "nobody"), "personalizations.1.to.0.email"
    ),
    "an address of a wrong type": (
        changed("personalizations.1.to.0.email", 5), "personalizations.1.to.0.email"
    ),
    "no email": (changed("personalizations.1.to.0.email", ...), "personalizations.1.to.0.email"),
    "a header that is no string": (changed("headers", {"X-A": 1}), "headers.X-A"),
    "reply_to and reply_to_list": (
        {**good_mail(), "reply_to": {"email": "a@example.com"}, "reply_to_list": []}, "reply_to_list"
    ),
    "an empty subject": (changed("subject", ""), "subject"),
    "an empty subject of a personalization": (
        changed("personalizations.1.subject", ""), "personalizations.1.subject"
    ),
    "empty content value": (changed("content.0.value", ""), "content.0.value"),
    "a substitution that is no string": (
        changed("personalizations.1.substitutions", {"-a-": 1}), "personalizations.1.substitutions"
    ),
    "pool of 1 character": (changed("ip_pool_name", "a"), "ip_pool_name"),
    "pool of 65 characters": (changed("ip_pool_name", "a" * 65), "ip_pool_name"),
    "an attachment without a filename": (
        changed("attachments", [{"content": "aGk="}]), "attachments.0.filename"
    ),
    "an unknown disposition": (
        changed("attachments", [{**ATTACHMENT, "disposition": "floating"}]), "attachments.0.disposition"
    ),
    "a body that is a list": ([], ""),  # type: ignore[dict-item]
}  # fmt: skip

STRICTER: dict[str, tuple[Mail, str]] = {
    "the same address twice": (
        changed("personalizations.1.to.0.email", "READER0@example.com"), "personalizations.1.to.0.email"
    ),
    "the same address in to and cc": (
        changed("personalizations.1.cc", [{"email": "reader1@example.com"}]), "personalizations.1.cc.0.email"
    ),
    "1002 recipients over the request": (copied_to_many(501), "personalizations"),
    "a reserved header": (changed("headers", {"Subject": "x"}), "headers.Subject"),
    "a reserved header of a personalization": (
        changed("personalizations.1.headers", {"reply-to": "x"}), "personalizations.1.headers.reply-to"
    ),
    "a header name with a space": (changed("headers", {"X A": "x"}), "headers.X A"),
    "a header with a line break": (changed("headers", {"X-A": "x\r\nBcc: y"}), "headers.X-A"),
    "no subject anywhere": (changed("subject", ...), "subject"),
    "a subject in only one personalization": (
        without("subject", changed("personalizations.0.subject", "Mine")), "subject"
    ),
    "html before text": (
        changed("content", [{"type": "text/html", "value": "a"}, {"type": "text/plain", "value": "a"}]),
        "content",
    ),
    "empty content": (changed("content", []), "content"),
    "a content type with a charset": (
        changed("content.0.type", "text/plain; charset=utf-8"), "content.0.type"
    ),
    "an address with a line break": (
        changed("personalizations.1.to.0.email", "a\n@example.com"), "personalizations.1.to.0.email"
    ),
    "an address of 321 characters": (
        changed("personalizations.1.to.0.email", "a" * 309 + "@example.com"), "personalizations.1.to.0.email"
    ),
    "a name with a comma": (
        changed("personalizations.1.to.0.name", "Doe, Jo"), "personalizations.1.to.0.name"
    ),
    "a from address in Unicode": (changed("from.email", "käse@example.com"), "from.email"),
    "a category in Unicode": (changed("categories", ["käse"]), "categories.0"),
    "send_at past 72 hours": (changed("send_at", NOW + 72 * 3600 + 1), "send_at"),
    "send_at of a personalization past 72 hours": (
        changed("personalizations.1.send_at", NOW + 300_000), "personalizations.1.send_at"
    ),
    "custom_args of 10,001 bytes": (changed("custom_args", {"a": "x" * 10_000}), "custom_args"),
    "custom_args of 10,001 bytes after merging": (
        {**good_mail(), "custom_args": {"aaaa": "x" * 9_982}}, "personalizations.0.custom_args"
    ),
    "custom_args counted in bytes": (changed("custom_args", {"a": "ü" * 5_000}), "custom_args"),
    "substitutions of 10,001 bytes": (
        changed("personalizations.1.substitutions", {"-a-": "x" * 9_998}), "personalizations.1.substitutions"
    ),
    "substitutions with a dynamic template": (
        {**changed("personalizations.1.substitutions", {"-a-": "x"}), "template_id": "d-1"},
        "personalizations.1.substitutions",
    ),
    "template data without a dynamic template": (
        changed("personalizations.1.dynamic_template_data", {"a": 1}),
        "personalizations.1.dynamic_template_data",
    ),
    "two bypasses at once": (
        changed("mail_settings", {
            "bypass_list_management": {"enable": True}, "bypass_spam_management": {"enable": True},
        }),
        "mail_settings.bypass_list_management",
    ),
    "an attachment that is not base64": (
        changed("attachments", [{**ATTACHMENT, "content": "***"}]), "attachments.0.content"
    ),
}  # fmt: skip


def fields_of(mail: Any, scope: Scope = SCOPE) -> list[str | None]:
    return [problem.field for problem in check_mail(mail, scope)]


@pytest.mark.parametrize("name", GOOD)
def test_good_mail_is_accepted(name: str) -> None:
    """A request inside every limit is accepted."""
    assert check_mail(GOOD[name], SCOPE) == []


@pytest.mark.parametrize("name", [*BAD, *STRICTER])
def test_bad_mail_is_refused_and_the_field_is_named(name: str) -> None:
    """A request that breaks one rule is refused for that rule alone, with the path of the offending field."""
    mail, field = {**BAD, **STRICTER}[name]
    assert fields_of(mail) == [field]


@needs_specification
@pytest.mark.parametrize("name", [*GOOD, *BAD])
def test_simulator_and_specification_agree(name: str) -> None:
    """The published specification with its overlay passes the same verdict on every request of the table."""
    mail = GOOD[name] if name in GOOD else BAD[name][0]
    assert mail_validator().is_valid(mail) is (name in GOOD)
    assert (not check_mail(mail, SCOPE)) is (name in GOOD)


@needs_specification
@pytest.mark.parametrize("name", STRICTER)
def test_stricter_rules_are_really_beyond_the_specification(name: str) -> None:
    """The rules that only code can express are those on which the specification is silent."""
    assert mail_validator().is_valid(STRICTER[name][0])


_ANY: list[Callable[[random.Random], Any]] = [
    lambda _: None,
    lambda _: True,
    lambda draw: draw.randint(-5, 5),
    lambda draw: draw.random(),
    lambda _: "",
    lambda draw: draw.choice(["x", "inline", "nobody@example.com", "d-1"]) * draw.choice([1, 1, 60]),
    lambda _: [],
    lambda _: {},
    lambda draw: [draw.choice([1, "a", None, {}])] * draw.randint(1, 2),
    lambda draw: {draw.choice(["enable", "email", "group_id", "a"]): draw.choice([1, "a@example.com", None, False])},
]


def full_mail() -> Mail:
    """A valid mail that uses every property, so that every property can be spoiled."""
    mail = good_mail(2)
    mail.update(
        categories=["a", "b"], custom_args={"shared": "1"}, headers={"X-A": "1"}, send_at=NOW,
        asm={"group_id": 5, "groups_to_display": [5, 6]}, ip_pool_name="pool", attachments=[dict(ATTACHMENT)],
        reply_to={"email": "help@example.com", "name": "Help"},
        mail_settings={
            "footer": {"enable": True, "text": "f", "html": "f"}, "sandbox_mode": {"enable": False},
        },
        tracking_settings={
            "click_tracking": {"enable": True, "enable_text": True},
            "open_tracking": {"enable": True, "substitution_tag": "%o%"},
            "subscription_tracking": {"enable": False, "text": "t", "html": "h", "substitution_tag": "%s%"},
            "ganalytics": {"enable": True, "utm_source": "s", "utm_campaign": "c"},
        },
    )  # fmt: skip
    mail["personalizations"][0].update(
        cc=[{"email": "cc@example.com"}], subject="Mine", headers={"X-B": "1"}, send_at=NOW,
        substitutions={"-a-": "1"}, **{"from": {"email": "other@example.com"}},
    )  # fmt: skip
    return mail


def places(part: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    if isinstance(part, dict | list):
        for key in part if isinstance(part, dict) else range(len(part)):
            found += places(part[key], (*path, key))
    return found


def spoiled(draw: random.Random) -> Mail:
    """A full mail with one or two values replaced, removed or added at random places."""
    mail = full_mail()
    for _ in range(draw.randint(1, 2)):
        *parents, last = draw.choice(places(mail))
        place: Any = mail
        for part in parents:
            place = place[part]
        action = draw.random()
        if action < 0.7:
            place[last] = draw.choice(_ANY)(draw)
        elif action < 0.9:
            del place[last]
        elif isinstance(place, dict):
            place[draw.choice(["unknown", "email", "content", "template_id"])] = draw.choice(_ANY)(draw)
    return mail


SILENT_ON = (
    "Does not contain a valid address.", "Each unique email address", "is reserved", "Header names",
    "The subject is required", "in that order", "at least one entry", "base64", "more than 72 hours",
    "dynamic templating", "The content type cannot",
)  # fmt: skip
"""Messages of rules on which the specification is silent, as far as random spoiling can meet them."""


@needs_specification
@pytest.mark.parametrize("seed", range(20))
def test_random_requests_get_the_verdict_of_the_specification(seed: int) -> None:
    """Over generated requests the simulator is never milder, and stricter only by the rules named above."""
    draw = random.Random(seed)
    verdicts = set()
    for _ in range(150):
        mail = spoiled(draw)
        problems = check_mail(copy.deepcopy(mail), SCOPE)
        beyond = [one for one in problems if any(words in one.message for words in SILENT_ON)]
        valid = mail_validator().is_valid(mail)
        verdicts.add(valid)
        if valid:
            assert problems == beyond, mail
        else:
            assert problems, mail
    assert verdicts == {True, False}


def test_offending_recipient_is_named_by_position() -> None:
    """A client that sends 1,000 recipients learns from the field which one to take out."""
    mail = good_mail(1000)
    mail["personalizations"][16]["to"][0]["email"] = "broken address"
    assert fields_of(mail) == ["personalizations.16.to.0.email"]


def test_every_problem_is_reported_up_to_a_limit() -> None:
    """Several offenders are named in one answer; an answer never grows beyond PROBLEMS_MAX entries."""
    mail = good_mail(500)
    for number in (3, 4):
        mail["personalizations"][number]["to"][0]["email"] = "broken"
    assert fields_of(mail) == ["personalizations.3.to.0.email", "personalizations.4.to.0.email"]
    for person in mail["personalizations"]:
        person["to"][0]["email"] = "broken"
    assert len(check_mail(mail, SCOPE)) == PROBLEMS_MAX


def test_groups_and_batches_must_exist_on_the_account() -> None:
    """If the account's groups and batches are known, another id is refused."""
    scope = Scope(NOW, frozenset({5}), frozenset({"known"}))
    assert fields_of(changed("asm", {"group_id": 5}), scope) == []
    assert fields_of(changed("asm", {"group_id": 6}), scope) == ["asm.group_id"]
    assert fields_of(changed("batch_id", "known"), scope) == []
    assert fields_of(changed("batch_id", "made up"), scope) == ["batch_id"]


def test_sizes_just_inside_the_limit_are_accepted() -> None:
    """10,000 bytes are allowed, counted over keys and values after merging, the personal value winning."""
    assert fields_of(changed("custom_args", {"a": "x" * 9_900}, 1)) == []
    assert fields_of(changed("personalizations.0.substitutions", {"-a-": "x" * 9_997})) == []
    both = {**good_mail(), "custom_args": {"lm_message_id": "x" * 9_900}}
    both["personalizations"][0]["custom_args"] = {"lm_message_id": "y" * 9_900}
    assert fields_of(both) == []


def test_sandbox_needs_a_true() -> None:
    """Only an enabled sandbox makes a request a rehearsal."""
    assert is_sandboxed(GOOD["sandbox on"])
    assert not is_sandboxed(good_mail())
