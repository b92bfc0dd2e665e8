"""What was heard of each mail, folded from the raw events as the provider posted them (docs/kpis.md, 0056, 0057).

Nothing of `event.engagement` is read, so a fault in its fold is seen. Only clicks of erased people come from
`event.click`, because an erasure takes links and programs out of the raw events.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import lifecycle_mail.sendgrid
from recompute.facts import Facts, earliest, latest

KINDS = {
    "processed": "processed", "delivered": "delivered", "deferred": "deferred", "dropped": "dropped",
    "spamreport": "complained", "unsubscribe": "unsubscribed", "group_unsubscribe": "unsubscribed",
    "lm_unsubscribe": "unsubscribed", "click": "click",
}  # fmt: skip
MAY_BE_GUESSED = {"bounced_hard", "bounced_soft", "dropped", "complained", "unsubscribed"}
SCANNERS = Path(lifecycle_mail.sendgrid.__file__).with_name("scanner_agents.txt")
SECOND = dt.timedelta(seconds=1)
DAY = dt.timedelta(hours=24)


class Click(NamedTuple):
    """One click in a mail: when, on which link, by which program, and whether that is a known scanner."""

    at: dt.datetime
    link: Any
    agent: Any
    is_scanner: bool


def heard(facts: Facts, until: dt.datetime | None = None) -> dict[tuple[int, str], SimpleNamespace]:
    """Return, for each mail with events, the first and newest facts up to now, or up to `until`."""
    mails = {str(row.message_id): row for row in facts.rows("message.message")}
    moments: dict[str, dict[str, list[dt.datetime]]] = defaultdict(lambda: defaultdict(list))
    clicks: dict[str, set[Click]] = defaultdict(set)
    finder = _Finder(facts)
    for event in facts.rows("event.event"):
        fact = _fact(event.raw)
        mail = str(event.raw.get("lm_message_id", "")).lower() or finder.mail_of(event, fact)
        if fact == "click":
            clicks[mail].add(_click(event))
        elif fact:
            moments[mail][fact].append(event.occurred_at)
    for key, those in _clicks_of_erased(facts, mails).items():
        clicks[key] = those
    who = _WhoClicked(facts)
    return {
        (mails[key].enrollment_id, mails[key].step): _folded(
            until or facts.now, moments[key], who.judged(mails[key].customer_id, clicks[key], moments[key]["delivered"])
        )
        for key in (moments.keys() | clicks.keys()) & mails.keys()
    }


def _fact(raw: dict[str, Any]) -> str | None:
    """What an event means for its mail. A block, and a deferral that expired, are soft bounces."""
    kind = raw["event"]
    if kind == "open":
        return "machine_open" if raw.get("sg_machine_open") else "open"
    if kind == "bounce":
        return "bounced_hard" if raw.get("type") in ("bounce", None) else "bounced_soft"
    return KINDS.get(kind)


def _click(event: Any) -> Click:
    agent = event.raw.get("useragent", "")
    return Click(event.occurred_at, event.raw.get("url", ""), agent, _is_scanner(agent))


def _is_scanner(agent: str) -> bool:
    """Whether the kept list names a part of the program's name, in any case."""
    lines = [line.strip().lower() for line in SCANNERS.read_text(encoding="utf-8").splitlines()]
    return any(line in agent.lower() for line in lines if line and not line.startswith("#"))


def _clicks_of_erased(facts: Facts, mails: dict[str, Any]) -> dict[str, set[Click]]:
    erased = {row.customer_id for row in facts.rows("source.customer") if row.erased_at}
    keys = {(row.enrollment_id, row.step): key for key, row in mails.items() if row.customer_id in erased}
    found: dict[str, set[Click]] = {key: set() for key in keys.values()}
    for row in facts.rows("event.click"):
        if key := keys.get((row.enrollment_id, row.step)):
            found[key].add(Click(row.clicked_at, row.link, row.agent, row.is_scanner))
    return found


def _folded(
    until: dt.datetime, moments: dict[str, list[dt.datetime]], clicks: dict[str, list[dt.datetime]]
) -> SimpleNamespace:
    """First and newest moments of each fact, of those that have happened."""

    def first(fact: str, those: dict[str, list[dt.datetime]] = moments) -> dt.datetime | None:
        return earliest(*(at for at in those.get(fact, ()) if at <= until))

    def last(fact: str, those: dict[str, list[dt.datetime]] = moments) -> dt.datetime | None:
        return latest(*(at for at in those.get(fact, ()) if at <= until))

    return SimpleNamespace(
        delivered_at=first("delivered"), last_delivered_at=last("delivered"),
        bounced_hard_at=first("bounced_hard"),
        bounced_soft_at=first("bounced_soft"), last_bounced_soft_at=last("bounced_soft"),
        dropped_at=first("dropped"), first_open_at=first("open"), last_open_at=last("open"),
        first_machine_open_at=first("machine_open"),
        first_click_at=first("person", clicks), last_click_at=last("person", clicks),
        first_machine_click_at=first("machine", clicks),
        unsubscribed_at=first("unsubscribed"), complained_at=first("complained"),
    )  # fmt: skip


class _WhoClicked:
    """Tells people's clicks from others (0057)."""

    def __init__(self, facts: Facts) -> None:
        self.signs: dict[str, list[dt.datetime]] = defaultdict(list)
        for order in facts.rows("source.orders"):
            if order.status != "cancelled":
                self.signs[order.customer_id].append(order.ordered_at)
        for view in facts.rows("source.page_view"):
            self.signs[view.customer_id].append(view.viewed_at)

    def judged(
        self, customer_id: str, clicks: Iterable[Click], delivered: list[dt.datetime]
    ) -> dict[str, list[dt.datetime]]:
        """The moments of the clicks of a person, and of all others: those of machines, and those in doubt."""
        clicks, found = list(clicks), {"person": [], "machine": []}
        mechanical = [one for one in clicks if self._is_mechanical(one, clicks, earliest(*delivered))]
        for one in clicks:
            shares_doubt = any(
                one.agent == other.agent or abs(one.at - other.at) <= 60 * SECOND for other in mechanical
            )
            was_there = any(one.at <= sign <= one.at + DAY for sign in self.signs[customer_id])
            is_person = not one.is_scanner and (was_there or not shares_doubt)
            found["person" if is_person else "machine"].append(one.at)
        return found

    @staticmethod
    def _is_mechanical(click: Click, clicks: list[Click], delivered_at: dt.datetime | None) -> bool:
        """A known scanner's; up to ten seconds after delivery; or another link was clicked within two seconds."""
        return (
            click.is_scanner
            or (delivered_at is not None and click.at <= delivered_at + 10 * SECOND)
            or any(one.link != click.link and abs(one.at - click.at) <= 2 * SECOND for one in clicks)
        )


class _Finder:
    """Finds the mails of events without our ids (0056)."""

    def __init__(self, facts: Facts) -> None:
        self.former: dict[str, list[Any]] = defaultdict(list)
        for row in facts.rows("source.former_address"):
            self.former[row.customer_id].append(row)
        self.customers = {row.customer_id: row for row in facts.rows("source.customer")}
        self.requests = {row.attempt_id: row.x_message_id for row in facts.rows("delivery.attempt")}
        self.sent = [row for row in facts.rows("message.message") if row.state == "accepted"]

    def mail_of(self, event: Any, fact: str | None) -> str:
        """The mail to the event's mailbox in the request that the event names. For what came late without a name it
        is the newest mail accepted for the mailbox before it. Empty if there is none."""
        request = event.raw.get("sg_message_id", "").split(".", 1)[0]
        theirs = [mail for mail in self.sent if event.address and self._mailbox(mail) == event.address]
        named = [mail for mail in theirs if request and self.requests.get(mail.attempt_id) == request]
        guessed = [
            mail
            for mail in theirs
            if fact in MAY_BE_GUESSED
            and mail.accepted_at < event.occurred_at + SECOND
            and not (request and self.requests.get(mail.attempt_id))
        ]
        newest = max(named or guessed, key=lambda mail: (mail.accepted_at, str(mail.message_id)), default=None)
        return str(newest.message_id) if newest and fact else ""

    def _mailbox(self, mail: Any) -> str | None:
        """The mailbox that a mail went to: the customer may have moved since. Unknown after an erasure."""
        customer = self.customers.get(mail.customer_id)
        if customer is None or customer.erased_at:
            return None
        left = [row for row in self.former[mail.customer_id] if row.replaced_at > mail.accepted_at]
        return min(left, key=lambda row: row.replaced_at).address if left else customer.address
