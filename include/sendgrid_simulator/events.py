"""SendGrid's event objects, field for field as its Event Webhook sends them.

Between the plan of a recipient and the webhook. Custom arguments lie flattened in the top level, and
SendGrid's own keys win over arguments of the same name. Addresses of machines are documentation ranges.
"""

import base64
import hashlib
from dataclasses import dataclass
from typing import Any

from sendgrid_simulator.recipients import Draws, Moment

_BOUNCES = (
    ("550 5.1.1 The email account that you tried to reach does not exist.", "5.1.1", "Invalid Address"),
    ("550 5.2.1 The mailbox is disabled and not accepting messages.", "5.2.1", "Mailbox Unavailable"),
    ("554 5.4.4 Unable to resolve the recipient's domain.", "5.4.4", "Technical Failure"),
)
_BLOCKS = (
    (
        "550 5.7.1 Our system has detected that this message is likely unsolicited mail.",
        "5.7.1",
        "Reputation",
    ),
    ("452 4.2.2 The mailbox is over its quota.", "4.2.2", "Mailbox Unavailable"),
    ("421 4.7.0 Too many messages from this address.", "4.7.0", "Frequency or Volume Too High"),
)
_BROWSERS = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/156.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Linux; Android 16; Pixel 10) AppleWebKit/537.36 Chrome/156.0.0.0 Mobile Safari/537.36",
)
_MACHINE = "Mozilla/5.0"

KIND_OF_MOMENT = {
    "bounce": "bounce",
    "block": "bounce",
    "expire": "bounce",
    "async_bounce": "bounce",
    "machine_open": "open",
}
"""SendGrid's event name for each kind of moment whose own name differs from it."""


@dataclass(frozen=True, slots=True)
class Addressee:
    """All that the events of one accepted recipient need; kept only until the last of them is posted."""

    address: str
    key: str
    position: int
    """Place of the recipient in its request, from 0."""
    x_message_id: str
    custom_args: dict[str, str]
    categories: list[str]
    group_id: int | None
    pool: str | None
    drop_reason: str | None
    link: tuple[int, str, str] | None
    """What a click would hit: position in its part, html or text, address."""


def build_event(seed: int, who: Addressee, moment: Moment, timestamp: int) -> dict[str, Any]:
    """Return the event object of one moment; `timestamp` is unix seconds, UTC."""
    draws = Draws(seed, who.key)
    kind = KIND_OF_MOMENT.get(moment.kind, moment.kind)
    event: dict[str, Any] = {
        **who.custom_args,
        "email": who.address,
        "timestamp": timestamp,
        "event": kind,
        "sg_event_id": event_id(who, moment),
        "sg_message_id": message_id(who),
    }
    if who.categories:
        lone = len(who.categories) == 1 and draws["choice"] < 0.25
        event["category"] = who.categories[0] if lone else who.categories
    if who.group_id is not None and kind not in ("spamreport", "unsubscribe"):
        event["asm_group_id"] = who.group_id
    if kind in ("processed", "dropped", "delivered", "deferred", "bounce"):
        event["smtp-id"] = f"<{who.x_message_id}@geopod-ismtpd-{1 + int(draws['choice'] * 8)}>"
    event.update(_details(moment, who, draws))
    if moment.kind == "async_bounce":
        del event["sg_message_id"], event["smtp-id"]
    return event


def event_id(who: Addressee, moment: Moment) -> str:
    """Return an id that is the same for every copy of an event and differs for every other event."""
    text = f"{who.x_message_id}|{who.position}|{moment.kind}|{moment.number}"
    return base64.urlsafe_b64encode(hashlib.blake2b(text.encode(), digest_size=24).digest()).decode()


def message_id(who: Addressee) -> str:
    """Return sg_message_id: the request's X-Message-Id, the server's data and the recipient's index."""
    server = hashlib.blake2b(who.x_message_id.encode(), digest_size=5).hexdigest()
    return f"{who.x_message_id}.recvd-{server}-1-{int(server, 16) % 2**32:X}-{who.position}.0"


def _details(moment: Moment, who: Addressee, draws: Draws) -> dict[str, Any]:
    """The fields that belong to one kind of event alone."""
    choice, mailbox = draws["choice"], f"198.51.100.{1 + int(draws['choice'] * 250)}"
    match moment.kind:
        case "processed":
            return {"pool": {"name": who.pool, "id": 210}} if who.pool else {}
        case "dropped":
            return {"reason": who.drop_reason or "Invalid", "status": "5.0.0"}
        case "delivered":
            return {"ip": mailbox, "response": "250 2.0.0 OK", "tls": 1 if choice < 0.9 else "1"}
        case "deferred":
            reply = "451 4.7.1 Greylisted, please try again later"
            return {"ip": mailbox, "response": reply, "attempt": str(moment.number + 1), "tls": 1}
        case "bounce" | "async_bounce":
            return _bounce(_BOUNCES[int(choice * len(_BOUNCES))], "bounce", mailbox)
        case "block":
            return _bounce(_BLOCKS[int(choice * len(_BLOCKS))], "blocked", mailbox)
        case "expire":
            return _bounce(("Unable to deliver within 72 hours", "4.0.0", "Unclassified"), "expired", mailbox)
        case _:
            return _engagement(moment, who, choice)


def _bounce(what: tuple[str, str, str], kind: str, mailbox: str) -> dict[str, Any]:
    reason, status, classification = what
    return {
        "type": kind,
        "reason": reason,
        "status": status,
        "bounce_classification": classification,
        "ip": mailbox,
        "tls": 1,
    }


def _engagement(moment: Moment, who: Addressee, choice: float) -> dict[str, Any]:
    reader = {
        "ip": f"203.0.113.{1 + int(choice * 250)}",
        "useragent": _BROWSERS[int(choice * len(_BROWSERS))],
    }
    match moment.kind:
        case "open":
            return {**reader, "sg_machine_open": False, "sg_content_type": "html"}
        case "machine_open":
            return {
                "ip": "192.0.2.17",
                "useragent": _MACHINE,
                "sg_machine_open": True,
                "sg_content_type": "html",
            }
        case "click" if who.link is not None:
            position, part, url = who.link
            return {
                **reader,
                "url": url,
                "url_offset": {"index": position, "type": part},
                "sg_content_type": part,
            }
        case "group_unsubscribe":
            return {**reader, "url": "https://sendgrid.example.com/asm/unsubscribe"}
        case _:
            return {}
