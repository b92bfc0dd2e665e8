"""What SendGrid refuses in `POST /v3/mail/send`, as a pure function over the parsed body.

First stop of a request. No schema library: a request carries up to 1,000 recipients and the simulator
must keep up with more than 15,000 a second, so the loop over personalizations is written by hand. The
tests compare it with the published specification. Where the specification is silent, the rule comes
from SendGrid's error catalogue.

Sizes of custom_args and substitutions are counted as UTF-8 bytes of all keys and values.
"""

import base64
import binascii
import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

RECIPIENTS_MAX = 1000
PERSONALIZATIONS_MAX = 1000
MERGED_BYTES_MAX = 10_000
SCHEDULE_SECONDS_MAX = 72 * 3600
ADDRESS_LENGTH_MAX = 320
PROBLEMS_MAX = 100

_ADDRESS = re.compile(r"[^\s@\"(),:;<>\[\]\\]+@[^\s@\"(),:;<>\[\]\\.]+(?:\.[^\s@\"(),:;<>\[\]\\.]+)+")
_HEADER_NAME = re.compile(r"[!-9;-~]+")
_RESERVED_HEADERS = frozenset({
    "x-sg-id", "x-sg-eid", "received", "dkim-signature", "content-type", "content-transfer-encoding",
    "to", "from", "subject", "reply-to", "cc", "bcc",
})  # fmt: skip
_MESSAGE_KEYS = frozenset({
    "personalizations", "from", "reply_to", "reply_to_list", "subject", "content", "attachments",
    "template_id", "headers", "categories", "custom_args", "send_at", "batch_id", "asm", "ip_pool_name",
    "mail_settings", "tracking_settings",
})  # fmt: skip
_PERSONALIZATION_KEYS = frozenset({
    "from", "to", "cc", "bcc", "subject", "headers", "substitutions", "dynamic_template_data",
    "custom_args", "send_at",
})  # fmt: skip
_SWITCH: dict[str, type] = {"enable": bool}
_MAIL_SETTINGS: dict[str, dict[str, type]] = {
    "bypass_list_management": _SWITCH,
    "bypass_spam_management": _SWITCH,
    "bypass_bounce_management": _SWITCH,
    "bypass_unsubscribe_management": _SWITCH,
    "footer": {"enable": bool, "text": str, "html": str},
    "sandbox_mode": _SWITCH,
}
_GANALYTICS: dict[str, type] = dict.fromkeys(
    ("utm_source", "utm_medium", "utm_term", "utm_content", "utm_campaign"), str
)
_TRACKING_SETTINGS: dict[str, dict[str, type]] = {
    "click_tracking": {"enable": bool, "enable_text": bool},
    "open_tracking": {"enable": bool, "substitution_tag": str},
    "subscription_tracking": {"enable": bool, "text": str, "html": str, "substitution_tag": str},
    "ganalytics": {"enable": bool, **_GANALYTICS},
}
_TYPE_NAMES = {dict: "object", list: "array", str: "string", bool: "boolean", int: "integer", float: "number"}


class Problem(NamedTuple):
    """One entry of SendGrid's `errors` list; `field` is a path such as personalizations.16.to.0.email."""

    message: str
    field: str | None


class Scope(NamedTuple):
    """What a request is checked against: the clock (unix seconds) and what exists on the account.

    `known_groups` is None where every unsubscribe group is taken to exist.
    """

    now: float
    known_groups: frozenset[int] | None = None
    known_batches: frozenset[str] | None = None


class _Problems(list[Problem]):
    """The list being filled, and what a mail is checked against."""

    def __init__(self, scope: Scope) -> None:
        super().__init__()
        self.scope = scope

    def report(self, field: str | None, message: str) -> None:
        self.append(Problem(message, field))

    def wrong_type(self, field: str, expected: str, value: object) -> None:
        given = "null" if value is None else _TYPE_NAMES.get(type(value), "unknown")
        self.report(field, f"Invalid type. Expected: {expected}, given: {given}.")


def check_mail(mail: Any, scope: Scope) -> list[Problem]:
    """Return everything SendGrid would refuse in a parsed mail/send body, at most PROBLEMS_MAX entries.

    An empty list means 202 (or 200 in sandbox mode). Nothing is accepted in part.
    """
    problems = _Problems(scope)
    if not isinstance(mail, dict):
        problems.wrong_type("", "object", mail)
        return problems
    _check_unknown(mail, _MESSAGE_KEYS, "", problems)
    for key, check in _MESSAGE_CHECKS.items():
        if key in mail:
            check(mail[key], key, problems)
    _check_required(mail, problems)
    _check_personalizations(mail, problems)
    return problems[:PROBLEMS_MAX]


def is_sandboxed(mail: dict[str, Any]) -> bool:
    """Return whether a valid mail asks for sandbox mode: checked, answered 200, and not sent."""
    settings = mail.get("mail_settings", {})
    return bool(settings.get("sandbox_mode", {}).get("enable"))


def _check_unknown(found: dict[str, Any], known: frozenset[str], where: str, problems: _Problems) -> None:
    for key in found.keys() - known:
        problems.report(where + key, f"Unknown property: {key[:60]}.")


def _check_required(mail: dict[str, Any], problems: _Problems) -> None:
    for key in ("personalizations", "from"):
        if key not in mail:
            problems.report(key, f"The {key} property is required.")
    if "template_id" not in mail:
        if "content" not in mail:
            problems.report("content", "Without a valid template_id the content parameter is required.")
        if not _has_subjects(mail):
            problems.report(
                "subject",
                "The subject is required. You can get around this requirement if you use a template with a "
                "subject defined or if every personalization has a subject defined.",
            )
    if "reply_to" in mail and "reply_to_list" in mail:
        problems.report("reply_to_list", "You can use either reply_to or reply_to_list, but not both.")


def _has_subjects(mail: dict[str, Any]) -> bool:
    people = mail.get("personalizations")
    if "subject" in mail or not isinstance(people, list):
        return True
    return all(isinstance(person, dict) and "subject" in person for person in people)


def _check_string(value: Any, field: str, problems: _Problems) -> None:
    if not isinstance(value, str):
        problems.wrong_type(field, "string", value)


def _check_subject(value: Any, field: str, problems: _Problems) -> None:
    if not isinstance(value, str):
        problems.wrong_type(field, "string", value)
    elif not value:
        problems.report(field, "The subject must be at least one character in length.")


def _check_sender(value: Any, field: str, problems: _Problems) -> None:
    before = len(problems)
    _check_address(value, field, problems)
    if len(problems) == before and not value["email"].isascii():
        problems.report(f"{field}.email", "The from email address must not contain Unicode characters.")


def _check_reply_to(value: Any, field: str, problems: _Problems) -> None:
    _check_address(value, field, problems)


def _check_reply_to_list(value: Any, field: str, problems: _Problems) -> None:
    if not isinstance(value, list):
        problems.wrong_type(field, "array", value)
        return
    if len(value) > RECIPIENTS_MAX:
        problems.report(field, "The reply_to_list is limited to 1000 addresses.")
    for position, entry in enumerate(value):
        _check_address(entry, f"{field}.{position}", problems)
        if entry in value[:position]:
            problems.report(f"{field}.{position}", "Each entry of the reply_to_list must be unique.")


def _check_address(entry: Any, field: str, problems: _Problems) -> str | None:
    """Return the lower-cased address of an {email, name} object, or None after reporting what is wrong."""
    if not isinstance(entry, dict):
        problems.wrong_type(field, "object", entry)
        return None
    if "name" in entry and not isinstance(entry["name"], str):
        problems.wrong_type(f"{field}.name", "string", entry["name"])
    address = entry.get("email")
    if "email" not in entry:
        problems.report(f"{field}.email", "The email property is required.")
    elif not isinstance(address, str):
        problems.wrong_type(f"{field}.email", "string", address)
    elif len(address) > ADDRESS_LENGTH_MAX:
        problems.report(f"{field}.email", "An email address is limited to 320 characters.")
    elif _ADDRESS.fullmatch(address) is None:
        problems.report(f"{field}.email", "Does not contain a valid address.")
    else:
        return address.lower()
    return None


def _check_content(value: Any, field: str, problems: _Problems) -> None:
    if not isinstance(value, list):
        problems.wrong_type(field, "array", value)
        return
    if not value:
        problems.report(field, "The content array must have at least one entry.")
    for position, part in enumerate(value):
        _check_content_part(part, f"{field}.{position}", problems)
    _check_content_order(value, field, problems)


def _check_content_part(part: Any, field: str, problems: _Problems) -> None:
    if not isinstance(part, dict):
        problems.wrong_type(field, "object", part)
        return
    for key in ("type", "value"):
        if key not in part:
            problems.report(f"{field}.{key}", f"The content {key} is required.")
        elif not isinstance(part[key], str):
            problems.wrong_type(f"{field}.{key}", "string", part[key])
        elif not part[key]:
            problems.report(f"{field}.{key}", f"The content {key} must be a string at least one character in length.")
    if isinstance(part.get("type"), str) and re.search(r"[;\r\n]", part["type"]):
        problems.report(f"{field}.type", "The content type cannot contain ';', or CRLF characters.")


def _check_content_order(parts: list[Any], field: str, problems: _Problems) -> None:
    """text/plain first, then text/html, then anything else."""
    order = {"text/plain": 0, "text/html": 1}
    ranks = [order.get(str(part.get("type")).partition(";")[0], 2) for part in parts if isinstance(part, dict)]
    if ranks != sorted(ranks):
        problems.report(
            field,
            "If present, text/plain and text/html content must come first, in that order, before any other.",
        )


def _check_attachments(value: Any, field: str, problems: _Problems) -> None:
    if not isinstance(value, list):
        problems.wrong_type(field, "array", value)
        return
    for position, part in enumerate(value):
        _check_attachment(part, f"{field}.{position}", problems)


def _check_attachment(part: Any, field: str, problems: _Problems) -> None:
    if not isinstance(part, dict):
        problems.wrong_type(field, "object", part)
        return
    for key in ("content", "filename"):
        if key not in part:
            problems.report(f"{field}.{key}", f"The attachment {key} is required.")
    for key in ("content", "filename", "type", "disposition", "content_id"):
        if key in part and not isinstance(part[key], str):
            problems.wrong_type(f"{field}.{key}", "string", part[key])
        elif key in ("content", "type") and part.get(key) == "":
            problems.report(f"{field}.{key}", f"The attachment {key} must be at least one character in length.")
    if part.get("disposition", "attachment") not in ("inline", "attachment"):
        problems.report(f"{field}.disposition", "The disposition must be either inline or attachment.")
    if isinstance(part.get("content"), str) and part["content"] and not _is_base64(part["content"]):
        problems.report(f"{field}.content", "The attachment content must be base64 encoded.")


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


def _check_headers(value: Any, field: str, problems: _Problems) -> None:
    if not isinstance(value, dict):
        problems.wrong_type(field, "object", value)
        return
    for name, content in value.items():
        if not isinstance(content, str):
            problems.wrong_type(f"{field}.{name}", "string", content)
        if name.lower() in _RESERVED_HEADERS:
            problems.report(f"{field}.{name}", f"The header {name} is reserved and cannot be used.")
        elif not _HEADER_NAME.fullmatch(name):
            problems.report(f"{field}.{name}", "Header names must be ASCII characters without spaces or colons.")
        elif isinstance(content, str) and re.search(r"[\r\n]", content):
            problems.report(f"{field}.{name}", "Header values must not contain line breaks.")


def _check_categories(value: Any, field: str, problems: _Problems) -> None:
    if not isinstance(value, list):
        problems.wrong_type(field, "array", value)
        return
    if len(value) > 10:
        problems.report(field, "You are limited to 10 categories per request.")
    for position, category in enumerate(value):
        where = f"{field}.{position}"
        if not isinstance(category, str):
            problems.wrong_type(where, "string", category)
        elif len(category) > 255:
            problems.report(where, "A category name cannot have more than 255 characters.")
        elif not category.isascii():
            problems.report(where, "A category name must consist of ASCII characters.")
        elif category in value[:position]:
            problems.report(where, "Each category must be unique.")


def _check_custom_args(value: Any, field: str, problems: _Problems) -> None:
    if not isinstance(value, dict):
        problems.wrong_type(field, "object", value)
    elif not value:
        problems.report(field, "If present, the custom arguments object must not be empty.")
    elif not _all_strings(value.values()):
        problems.report(field, "All values of custom arguments object must be strings.")
    elif _utf8_bytes(value) > MERGED_BYTES_MAX:
        problems.report(field, "The custom arguments are limited to 10,000 bytes.")


def _check_send_at(value: Any, field: str, problems: _Problems) -> None:
    if not _is_integer(value):
        problems.wrong_type(field, "integer", value)
    elif value > problems.scope.now + SCHEDULE_SECONDS_MAX:
        problems.report(field, "Scheduling more than 72 hours in advance is forbidden.")


def _check_batch_id(value: Any, field: str, problems: _Problems) -> None:
    if not isinstance(value, str):
        problems.wrong_type(field, "string", value)
    elif problems.scope.known_batches is not None and value not in problems.scope.known_batches:
        problems.report(field, "The batch_id is not valid: ask for one with POST /v3/mail/batch.")


def _check_asm(value: Any, field: str, problems: _Problems) -> None:
    if not isinstance(value, dict):
        problems.wrong_type(field, "object", value)
        return
    if "group_id" not in value:
        problems.report(f"{field}.group_id", "The asm group_id is required.")
    else:
        _check_group(value["group_id"], f"{field}.group_id", problems)
    shown = value.get("groups_to_display", [])
    if not isinstance(shown, list):
        problems.wrong_type(f"{field}.groups_to_display", "array", shown)
        return
    if len(shown) > 25:
        problems.report(f"{field}.groups_to_display", "You can display a maximum of 25 unsubscribe groups.")
    for position, group in enumerate(shown):
        _check_group(group, f"{field}.groups_to_display.{position}", problems)


def _check_group(value: Any, field: str, problems: _Problems) -> None:
    if not _is_integer(value):
        problems.wrong_type(field, "integer", value)
    elif problems.scope.known_groups is not None and value not in problems.scope.known_groups:
        problems.report(field, "The unsubscribe group does not exist on this account.")


def _check_ip_pool(value: Any, field: str, problems: _Problems) -> None:
    if not isinstance(value, str):
        problems.wrong_type(field, "string", value)
    elif not 2 <= len(value) <= 64:
        problems.report(field, "The ip_pool_name must be between 2 and 64 characters long.")


def _check_mail_settings(value: Any, field: str, problems: _Problems) -> None:
    _check_settings(value, field, _MAIL_SETTINGS, problems)
    if not isinstance(value, dict):
        return
    on = [key for key, one in value.items() if isinstance(one, dict) and one.get("enable") is True]
    bypasses = [key for key in on if key.startswith("bypass_")]
    if "bypass_list_management" in bypasses and len(bypasses) > 1:
        problems.report(
            f"{field}.bypass_list_management",
            "bypass_list_management cannot be combined with any other bypass.",
        )


def _check_tracking_settings(value: Any, field: str, problems: _Problems) -> None:
    _check_settings(value, field, _TRACKING_SETTINGS, problems)


def _check_settings(value: Any, field: str, known: dict[str, dict[str, type]], problems: _Problems) -> None:
    if not isinstance(value, dict):
        problems.wrong_type(field, "object", value)
        return
    for key, types in known.items():
        one = value.get(key, {})
        if not isinstance(one, dict):
            problems.wrong_type(f"{field}.{key}", "object", one)
            continue
        for name, expected in types.items():
            if name in one and not isinstance(one[name], expected):
                problems.wrong_type(f"{field}.{key}.{name}", _TYPE_NAMES[expected], one[name])


_MESSAGE_CHECKS: dict[str, Callable[[Any, str, _Problems], None]] = {
    "from": _check_sender,
    "reply_to": _check_reply_to,
    "reply_to_list": _check_reply_to_list,
    "subject": _check_subject,
    "content": _check_content,
    "attachments": _check_attachments,
    "template_id": _check_string,
    "headers": _check_headers,
    "categories": _check_categories,
    "custom_args": _check_custom_args,
    "send_at": _check_send_at,
    "batch_id": _check_batch_id,
    "asm": _check_asm,
    "ip_pool_name": _check_ip_pool,
    "mail_settings": _check_mail_settings,
    "tracking_settings": _check_tracking_settings,
}


def _check_personalizations(mail: dict[str, Any], problems: _Problems) -> None:
    people = mail.get("personalizations", ())
    if not isinstance(people, list | tuple):
        problems.wrong_type("personalizations", "array", people)
        return
    if "personalizations" in mail and not people:
        problems.report("personalizations", "The personalizations array must have at least one entry.")
    if len(people) > PERSONALIZATIONS_MAX:
        problems.report(
            "personalizations",
            "The personalization block is limited to 1000 personalizations per API request.",
        )
        return
    person_check = _PersonCheck(mail, problems)
    for position, person in enumerate(people):
        person_check.check(position, person)
        if len(problems) >= PROBLEMS_MAX:
            return
    if person_check.recipients > RECIPIENTS_MAX:
        problems.report("personalizations", "There is a limit of 1000 total recipients (to + cc + bcc) per request.")


class _PersonCheck:
    """The hot loop: checks one personalization after another and remembers every address of the request."""

    def __init__(self, mail: dict[str, Any], problems: _Problems) -> None:
        self.problems = problems
        self.seen: set[str] = set()
        self.recipients = 0
        shared = mail.get("custom_args")
        self.shared_args = shared if isinstance(shared, dict) and _all_strings(shared.values()) else {}
        self.shared_bytes = _utf8_bytes(self.shared_args)
        if self.shared_bytes > MERGED_BYTES_MAX:  # said already, once, of the message
            self.shared_args, self.shared_bytes = {}, 0
        template = mail.get("template_id")
        self.dynamic = isinstance(template, str) and template.startswith("d-")

    def check(self, position: int, person: Any) -> None:
        where = f"personalizations.{position}"
        if not isinstance(person, dict):
            self.problems.wrong_type(where, "object", person)
            return
        if not person.keys() <= _PERSONALIZATION_KEYS:
            _check_unknown(person, _PERSONALIZATION_KEYS, f"{where}.", self.problems)
        self._check_people(person, where)
        for key, value in person.items():
            check = _PERSON_CHECKS.get(key)
            if check is not None:
                check(self, value, f"{where}.{key}")

    def _check_people(self, person: dict[str, Any], where: str) -> None:
        if "to" not in person:
            self.problems.report(f"{where}.to", "The to property is required for each personalization.")
        for kind in ("to", "cc", "bcc"):
            if kind in person:
                self._check_recipients(person[kind], f"{where}.{kind}", kind)

    def _check_recipients(self, entries: Any, where: str, kind: str) -> None:
        if not isinstance(entries, list):
            self.problems.wrong_type(where, "array", entries)
            return
        if not entries and kind == "to":
            self.problems.report(where, "The to array must have at least one entry.")
        if len(entries) > RECIPIENTS_MAX:
            self.problems.report(where, f"The {kind} array is limited to 1000 recipients.")
            return
        self.recipients += len(entries)
        for position, entry in enumerate(entries):
            self._check_recipient(entry, where, position)

    def _check_recipient(self, entry: Any, where: str, position: int) -> None:
        field = f"{where}.{position}"
        address = _check_address(entry, field, self.problems)
        if address is None:
            return
        name = entry.get("name")
        if isinstance(name, str) and (";" in name or "," in name):
            self.problems.report(f"{field}.name", "The name must not contain ';' or ','.")
        if address in self.seen:
            self.problems.report(
                f"{field}.email",
                "Each unique email address in the personalizations array should only be included once.",
            )
        self.seen.add(address)

    def check_from(self, value: Any, field: str) -> None:
        _check_sender(value, field, self.problems)

    def check_subject(self, value: Any, field: str) -> None:
        _check_subject(value, field, self.problems)

    def check_headers(self, value: Any, field: str) -> None:
        _check_headers(value, field, self.problems)

    def check_send_at(self, value: Any, field: str) -> None:
        _check_send_at(value, field, self.problems)

    def check_substitutions(self, value: Any, field: str) -> None:
        if not isinstance(value, dict):
            self.problems.wrong_type(field, "object", value)
        elif not _all_strings(value.values()):
            self.problems.report(field, "All values of the substitutions object must be strings.")
        elif _utf8_bytes(value) > MERGED_BYTES_MAX:
            self.problems.report(field, "The substitutions are limited to 10,000 bytes per personalization.")
        elif self.dynamic:
            self.problems.report(field, "Substitutions may not be used with dynamic templating.")

    def check_template_data(self, value: Any, field: str) -> None:
        if not isinstance(value, dict):
            self.problems.wrong_type(field, "object", value)
        elif not self.dynamic:
            self.problems.report(field, "dynamic_template_data may only be used with a dynamic template.")

    def check_custom_args(self, value: Any, field: str) -> None:
        before = len(self.problems)
        _check_custom_args(value, field, self.problems)
        if len(self.problems) > before or self.shared_bytes + _utf8_bytes(value) <= MERGED_BYTES_MAX:
            return
        if _utf8_bytes({**self.shared_args, **value}) > MERGED_BYTES_MAX:
            self.problems.report(field, "The merged custom arguments are limited to 10,000 bytes per personalization.")


_PERSON_CHECKS: dict[str, Callable[[_PersonCheck, Any, str], None]] = {
    "from": _PersonCheck.check_from,
    "subject": _PersonCheck.check_subject,
    "headers": _PersonCheck.check_headers,
    "send_at": _PersonCheck.check_send_at,
    "substitutions": _PersonCheck.check_substitutions,
    "dynamic_template_data": _PersonCheck.check_template_data,
    "custom_args": _PersonCheck.check_custom_args,
}


def _is_integer(value: object) -> bool:
    """JSON's integer: 3 and 3.0 are, true is not."""
    if isinstance(value, float):
        return value.is_integer()
    return isinstance(value, int) and not isinstance(value, bool)


def _all_strings(values: Iterable[object]) -> bool:
    return all(isinstance(value, str) for value in values)


def _utf8_bytes(pairs: dict[str, str]) -> int:
    """UTF-8 bytes of all keys and values; pure ASCII text, the usual case, is not encoded to be counted."""
    total = 0
    for key, value in pairs.items():
        total += len(key) if key.isascii() else len(key.encode())
        total += len(value) if value.isascii() else len(value.encode())
    return total
