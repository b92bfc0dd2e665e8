"""What an answer of POST /v3/mail/send means: a pure function from status, headers and body to one of eight classes.

202: SendGrid took the mails. 400: it took none, and the answer may name the offending recipients. 401 and 403 concern
all sending. 413: the request is too large. 429: it took none. Any other answer, above all a 5xx, leaves open whether
the mails were sent.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime

import orjson

_RECIPIENT = re.compile(r"personalizations[.\[](\d+)")
# Almost any character may stand before the @, even an apostrophe, so this takes all up to a space or bracket before it.
_ADDRESS = re.compile(r"[^\s@<>\"(),:;]+@[^\s@<>\"'(),:;]+")
MAX_ERROR_CHARACTERS = 500


@dataclass(frozen=True)
class Accepted:
    """202: queued. `x_message_id` names the request, not a recipient."""

    x_message_id: str | None
    status: int = 202


@dataclass(frozen=True)
class RecipientsRefused:
    """400 that names recipients: place in the request → reason. SendGrid did not take the other mails either."""

    reasons: dict[int, str]
    status: int = 400


@dataclass(frozen=True)
class RequestRefused:
    """400 (or 415) that names no recipient: the whole request is wrong, and the next one would be too."""

    error: str
    status: int = 400


@dataclass(frozen=True)
class AccessRefused:
    """401, 403, and the statuses of an address that takes no mail (404, 405): all sending must stop."""

    error: str
    status: int = 401


@dataclass(frozen=True)
class TooLarge:
    """413: not taken. A request with fewer recipients may be."""

    status: int = 413


@dataclass(frozen=True)
class RateLimited:
    """429: not taken. `reset_seconds` is the wait that X-RateLimit-Reset asks for; None = the header is missing."""

    reset_seconds: float | None
    status: int = 429


@dataclass(frozen=True)
class NothingSent:
    """No connection was made, so SendGrid took no mail."""

    error: str
    status: None = None


@dataclass(frozen=True)
class Unknown:
    """Timeout, reset, 5xx, or an answer of unknown form: SendGrid may have taken the mails."""

    error: str
    status: int | None = field(default=None)


Answer = (
    Accepted
    | RecipientsRefused
    | RequestRefused
    | AccessRefused
    | TooLarge
    | RateLimited
    | NothingSent
    | Unknown
)


def interpret(status: int, headers: Mapping[str, str], body: bytes) -> Answer:
    """Return what the answer means. Texts are shortened, and addresses in them are removed."""
    if status == 202:
        return Accepted(headers.get("X-Message-Id"))
    if status in (400, 415):
        return _bad_request(status, body)
    if status in (401, 403, 404, 405):
        return AccessRefused(f"{status}: {_texts(body)}", status)
    if status == 413:
        return TooLarge()
    if status == 429:
        return RateLimited(seconds_until_reset(headers))
    return Unknown(f"{status}: {_texts(body)}", status)


def seconds_until_reset(headers: Mapping[str, str]) -> float | None:
    """Return the seconds from the answer's own date to X-RateLimit-Reset, at least 0; None = the header is missing.

    Our own clock is not used, because the clocks of two machines differ.
    """
    try:
        reset = float(headers["X-RateLimit-Reset"])
        told = parsedate_to_datetime(headers["Date"]).timestamp()
    except (KeyError, ValueError, TypeError):
        return None
    return max(reset - told, 0.0) if math.isfinite(reset) else None


def _bad_request(status: int, body: bytes) -> Answer:
    reasons: dict[int, str] = {}
    for error in _errors(body):
        named = _RECIPIENT.search(f"{error.get('field') or ''} {error.get('message') or ''}")
        if named:
            reasons.setdefault(int(named[1]), without_addresses(str(error.get("message") or "refused")))
    if reasons and status == 400:
        return RecipientsRefused(reasons, status)
    return RequestRefused(f"{status}: {_texts(body)}", status)


def _errors(body: bytes) -> list[Mapping[str, object]]:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return []
    errors = document.get("errors") if isinstance(document, dict) else None
    return [error for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []


def _texts(body: bytes) -> str:
    messages = [str(error.get("message") or "") for error in _errors(body)]
    return without_addresses("; ".join(filter(None, messages)) or "an answer without a reason")


def without_addresses(text: str) -> str:
    """Return `text` on one line, shortened, with every address replaced."""
    return _ADDRESS.sub("<address>", " ".join(text.split()))[:MAX_ERROR_CHARACTERS]
