"""From a mail/send body to the mail one recipient receives: substitutions, merged arguments, links.

Second stop of a request. Pure: a body is only read. Substitutions are SendGrid's legacy ones, a literal
replacement of each token in subject, html and text; all tokens are replaced in one pass, so that a
value is never read again as a token.
"""

import html
import re
from dataclasses import dataclass
from typing import Any

_LINK = re.compile(r"<a\b[^>]*>", re.IGNORECASE)
_HREF = re.compile(r"\bhref\s*=\s*(?:\"([^\"]*)\"|'([^']*)')", re.IGNORECASE)
# SendGrid leaves a link with this attribute as it is, so a click on it makes no event.
_UNTRACKED = re.compile(r"\bclicktracking\s*=\s*[\"']?off\b", re.IGNORECASE)
_TEXT_LINK = re.compile(r"https?://[^\s<>\"')\]]+")
_ASM_TAG = re.compile(r"<%(asm_(?:group_unsubscribe|global_unsubscribe|preferences)(?:_raw)?_url)%>")
_ASM_PAGE = "https://sendgrid.example.com/asm/{page}"


@dataclass(frozen=True, slots=True)
class Recipient:
    """One address of a request: `person` is the index in personalizations, `role` to, cc or bcc."""

    person: int
    role: str
    address: str
    name: str
    key: str
    """What the behaviour is drawn from: the lm_message_id custom argument, or else the address."""


@dataclass(frozen=True, slots=True)
class ReceivedMail:
    """The mail as it lies in one recipient's inbox."""

    sender: str
    subject: str
    html: str
    text: str
    headers: dict[str, str]
    custom_args: dict[str, str]


def recipients_of(mail: dict[str, Any]) -> list[Recipient]:
    """Return every recipient of a valid body, in the order of the body."""
    shared = mail.get("custom_args", {}).get("lm_message_id")
    found: list[Recipient] = []
    for index, person in enumerate(mail["personalizations"]):
        message_id = person.get("custom_args", {}).get("lm_message_id", shared)
        entries = [(role, entry) for role in ("to", "cc", "bcc") for entry in person.get(role, ())]
        for position, (role, entry) in enumerate(entries):
            key = entry["email"].lower() if message_id is None else message_id
            if position and message_id is not None:
                key = f"{message_id}/{position}"
            found.append(Recipient(index, role, entry["email"], entry.get("name", ""), key))
    return found


def merged_custom_args(mail: dict[str, Any], person: dict[str, Any]) -> dict[str, str]:
    """Return the arguments that SendGrid repeats in every event of this personalization."""
    return {**mail.get("custom_args", {}), **person.get("custom_args", {})}


def receive(mail: dict[str, Any], person_index: int) -> ReceivedMail:
    """Return the mail of one personalization with its substitutions applied."""
    person = mail["personalizations"][person_index]
    substitute = _Substitution(person.get("substitutions", {}))
    parts = {part["type"]: part["value"] for part in mail.get("content", ())}
    sender = person.get("from", mail["from"])
    return ReceivedMail(
        sender=f"{sender['name']} <{sender['email']}>" if sender.get("name") else sender["email"],
        subject=substitute(person.get("subject", mail.get("subject", ""))),
        html=substitute(parts.get("text/html", "")),
        text=substitute(parts.get("text/plain", "")),
        headers={**mail.get("headers", {}), **person.get("headers", {})},
        custom_args=merged_custom_args(mail, person),
    )


def subject_of(mail: dict[str, Any], person_index: int) -> str:
    """Return only the subject of one personalization; the outbox list needs nothing else."""
    person = mail["personalizations"][person_index]
    return _Substitution(person.get("substitutions", {}))(person.get("subject", mail.get("subject", "")))


def links_of(received: ReceivedMail) -> list[tuple[int, str, str]]:
    """Return the links whose clicks make events, as (position in its part, html or text, address).

    Links of SendGrid's own unsubscribe pages are left out: a reader who uses one is an unsubscribe, not a click.
    """
    kind = "html" if received.html else "text"
    if received.html:
        found = [_address(link) for link in _LINK.findall(received.html)]
    else:
        found = _TEXT_LINK.findall(received.text)
    return [
        (position, kind, link)
        for position, link in enumerate(found)
        if link.startswith(("http://", "https://")) and "/asm/" not in link
    ]


def _address(link: str) -> str:
    """Return where a tag leads; '' if its clicks are not tracked."""
    found = _HREF.search(link)
    return html.unescape(found[1] or found[2] or "") if found and not _UNTRACKED.search(link) else ""


class _Substitution:
    """Literal replacement of all tokens in one pass, the longest token first where two begin alike."""

    def __init__(self, values: dict[str, str]) -> None:
        self.values = {token: value for token, value in values.items() if token}
        tokens = sorted(self.values, key=len, reverse=True)
        self.pattern = re.compile("|".join(map(re.escape, tokens))) if tokens else None

    def __call__(self, text: str) -> str:
        if self.pattern is not None:
            text = self.pattern.sub(lambda match: self.values[match.group()], text)
        return _ASM_TAG.sub(lambda match: _ASM_PAGE.format(page=match.group(1)), text)
