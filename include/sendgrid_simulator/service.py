"""The simulator itself, without HTTP: takes accepted mails in and plays their recipients.

`accept` writes the record, fills the outbox and queues what will happen; `run` lets it happen as its
time comes, changes the account's suppressions and hands events to the webhook.
"""

import asyncio
import heapq
import logging
import random
import secrets
import time
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import orjson

from sendgrid_simulator.account import Account, RateWindow
from sendgrid_simulator.events import Addressee, build_event
from sendgrid_simulator.faults import Faults
from sendgrid_simulator.mail import Recipient, links_of, merged_custom_args, receive, recipients_of
from sendgrid_simulator.outbox import Entry, Outbox
from sendgrid_simulator.recipients import OF_PEOPLE, Draws, Moment, Rates, plan
from sendgrid_simulator.record import AcceptedRecord
from sendgrid_simulator.webhook import BATCH_BYTES_MAX, Signer, Webhook, load_signer

log = logging.getLogger("sendgrid_simulator")

COPIES_MAX = 3
EVENTS_A_ROUND_MAX = 4000
"""More would hold up the requests that come meanwhile; the rest follows in the next round."""
EVENTS_WAITING_MAX = 200_000
"""While a receiver is down, nothing more happens beyond this, so that unposted events do not fill memory."""


@dataclass(frozen=True)
class Options:
    """Everything the command line sets; the meaning of each is in its --help."""

    record: Path
    seed: int = 7
    api_key: str = "SG.simulator"
    ui_token: str = field(default_factory=lambda: secrets.token_urlsafe(12))
    webhook_url: str | None = None
    private_key: Path | None = None
    rates: Rates = field(default_factory=Rates)
    speed: float = 3600.0
    reading_seconds: float = 0.0
    disorder: float = 0.2
    duplicates: float = 0.05
    post_every_seconds: float = 0.25
    batch_bytes: int = BATCH_BYTES_MAX
    retry_seconds: float = 0.5
    groups: dict[int, str] = field(default_factory=dict)
    verified_senders: tuple[str, ...] = ()
    rate_limit: int = 0
    outbox_limit: int = 100_000
    sink: bool = False


@dataclass(slots=True)
class _Play:
    """One recipient on stage: who it is, what it will do, and how far it has come."""

    who: Addressee
    entry: Entry
    accepted_at: float
    plan: list[Moment]
    done: int = 0


class Simulator:
    """All state of one running simulator."""

    def __init__(self, options: Options) -> None:
        options.record.mkdir(parents=True, exist_ok=True)
        self.options = options
        self.signer: Signer = load_signer(options.record, options.private_key)
        self.record = AcceptedRecord(options.record)
        self.rate_window = RateWindow(options.rate_limit)
        self.faults = Faults()
        self.received = 0
        """Requests that reached mail/send, accepted or not; also numbers the faults' draws."""
        self.suppression_faults = Faults()
        self.suppression_requests = 0
        self.sunk = [0, 0]
        """Recipients and requests counted by the sink."""
        self.webhook: Webhook | None = None
        self._clear()

    def reset(self) -> None:
        """Forget mails, suppressions and faults, and start an empty record; keys and options stay."""
        self.record.reset()
        self.faults, self.suppression_faults = Faults(), Faults()
        self.received = self.suppression_requests = 0
        self.sunk = [0, 0]
        self._clear()

    def accept(self, mail: dict[str, Any], body: bytes, now: float) -> str:
        """Take in a valid mail and return its X-Message-Id; the record is written when this returns."""
        x_message_id = secrets.token_urlsafe(16)
        recipients = recipients_of(mail)
        number = self.record.requests + 1
        people = mail["personalizations"]
        args = [merged_custom_args(mail, person) for person in people]
        self.record.append(
            {
                "message_id": args[one.person].get("lm_message_id"),
                "address": one.address,
                "role": one.role,
                "x_message_id": x_message_id,
                "accepted_at": now,
                "request": number,
            }
            for one in recipients
        )
        kept = self.outbox.keep(number, x_message_id, now, mail.get("categories", []), body)
        shared = self._shared(mail)
        for position, one in enumerate(recipients):
            moments, reason, link = self._outlook(mail, one, shared)
            entry = self.outbox.add(kept, one, position, moments, reason, link)
            person = people[one.person]
            starts = max(now, person.get("send_at", mail.get("send_at", 0)))
            self._queue(_Play(_addressee(mail, args[one.person], entry), entry, starts, moments))
        return x_message_id

    def sink(self, recipients: int) -> None:
        self.sunk[0] += recipients
        self.sunk[1] += 1

    def state(self) -> dict[str, Any]:
        """Return counters; `settled` means that no event is still to come or not yet acknowledged."""
        hook = self.webhook
        waiting = hook.waiting if hook else 0
        return {
            "recipients": self.record.recipients + self.sunk[0],
            "requests": self.record.requests + self.sunk[1],
            "received": self.received,
            "events": dict(sorted(self.happened.items())),
            "recipients_with_events_to_come": len(self._stage),
            "events_held_back": len(self._held),
            "events_waiting": waiting,
            "events_posted": hook.posted if hook else 0,
            "webhook_refusals": hook.refused if hook else 0,
            "events_lost": hook.lost if hook else 0,
            "settled": not self._stage and not self._held and not waiting,
        }

    def timeline(self, entry: Entry) -> list[tuple[float, dict[str, Any]]]:
        """Return what has happened to an entry so far as (unix seconds, event object), oldest first."""
        mail = self.outbox.body(entry.request)
        person = mail["personalizations"][entry.recipient.person]
        who = _addressee(mail, merged_custom_args(mail, person), entry)
        starts = max(entry.request.accepted_at, person.get("send_at", mail.get("send_at", 0)))
        found = []
        for moment in entry.plan:
            when = starts + self._seconds_until(moment)
            if entry.has(moment.kind) and when <= time.time():
                found.append((when, build_event(self.options.seed, who, moment, int(when))))
        return found

    async def run(self) -> None:
        """Play until cancelled. A failure in one round is logged and the next round goes on."""
        options = self.options
        if options.webhook_url:
            self.webhook = Webhook(options.webhook_url, self.signer, options.retry_seconds, options.batch_bytes)
        try:
            more = False
            while True:
                await asyncio.sleep(0.001 if more else options.post_every_seconds)
                more = self._try_round()
        finally:
            if self.webhook:
                await self.webhook.close()

    def _clear(self) -> None:
        self.account = Account(self.options.groups)
        self.outbox = Outbox(self.options.outbox_limit)
        self.happened: dict[str, int] = {}
        self._stage: list[tuple[float, int, _Play]] = []
        self._held: list[tuple[float, int, bytes]] = []
        self._serial = count()
        self._rounds = 0

    def _shared(self, mail: dict[str, Any]) -> "_Shared":
        group_id = mail.get("asm", {}).get("group_id")
        if group_id is not None:
            group_id = int(group_id)
            self.account.group(group_id)
        return _Shared(group_id, self.account.bypasses(mail))

    def _outlook(
        self, mail: dict[str, Any], one: Recipient, shared: "_Shared"
    ) -> tuple[list[Moment], str | None, tuple[int, str, str] | None]:
        """What will happen to a recipient, why it is dropped if it is, and the link it will click."""
        options = self.options
        reason = self.account.drop_reason(one.address, shared.group_id, shared.bypassed)
        moments = plan(
            options.seed, one.key, one.address, options.rates, shared.group_id is not None, reason is not None
        )
        if not any(moment.kind == "click" for moment in moments):
            return moments, reason, None
        links = links_of(receive(mail, one.person))
        if not links:
            return [moment for moment in moments if moment.kind != "click"], reason, None
        choice = Draws(options.seed, one.key)["choice"]
        return moments, reason, links[int(choice**2 * len(links))]  # most click near the top

    def _queue(self, play: _Play) -> None:
        if play.done < len(play.plan):
            due = play.accepted_at + self._seconds_until(play.plan[play.done])
            heapq.heappush(self._stage, (due, next(self._serial), play))

    def _seconds_until(self, moment: Moment) -> float:
        """Return the seconds of the clock from acceptance to a moment; a person takes some to read, at any speed."""
        reading = self.options.reading_seconds if moment.kind in OF_PEOPLE else 0
        return moment.after_seconds / self.options.speed + reading

    def _try_round(self) -> bool:
        """Play one round unless the receiver is too far behind; return whether more is due already."""
        if self.webhook and self.webhook.waiting > EVENTS_WAITING_MAX:
            return False
        try:
            self._round(time.time())
        except Exception:
            log.exception("a round of events failed; the next one goes on")
            return False
        return bool(self._stage) and self._stage[0][0] <= time.time()

    def _round(self, now: float) -> None:
        """Let happen what is due, up to EVENTS_A_ROUND_MAX, and post it with what was held back until now."""
        posts: list[bytes] = []
        left = EVENTS_A_ROUND_MAX
        while self._held and self._held[0][0] <= now:
            posts.append(heapq.heappop(self._held)[2])
        while left and self._stage and self._stage[0][0] <= now:
            left -= 1
            due, _, play = heapq.heappop(self._stage)
            moment = play.plan[play.done]
            play.done += 1
            self._queue(play)
            event = self._happen(play, moment, due)
            if self.webhook:
                self._send_or_hold(event, play.who, moment, now, posts)
        if posts and self.webhook:
            self._rounds += 1
            random.Random(f"{self.options.seed}/{self._rounds}").shuffle(posts)
            self.webhook.post(posts)

    def _happen(self, play: _Play, moment: Moment, due: float) -> dict[str, Any]:
        event = build_event(self.options.seed, play.who, moment, int(due))
        play.entry.mark(moment.kind)
        self.happened[moment.kind] = self.happened.get(moment.kind, 0) + 1
        self._suppress(moment.kind, event, play.who)
        return event

    def _suppress(self, kind: str, event: dict[str, Any], who: Addressee) -> None:
        """Change the account as the event does: what bounced or complained is not mailed again."""
        account, address, created = self.account, who.address, event["timestamp"]
        if kind in ("bounce", "async_bounce"):
            account.suppress("bounces", address, created, reason=event["reason"], status=event["status"])
        elif kind in ("block", "expire"):
            account.suppress("blocks", address, created, reason=event["reason"], status=event["status"])
        elif kind == "dropped" and who.drop_reason is None:
            account.suppress("invalid_emails", address, created, reason="Mail domain mentioned in email is unknown")
        elif kind == "spamreport":
            account.suppress("spam_reports", address, created, ip="198.51.100.10")
        elif kind == "unsubscribe":
            account.suppress("unsubscribes", address, created)
        elif kind == "group_unsubscribe" and who.group_id is not None:
            account.leave_group(who.group_id, address, created)

    def _send_or_hold(
        self, event: dict[str, Any], who: Addressee, moment: Moment, now: float, posts: list[bytes]
    ) -> None:
        """Most events go out at once; a seeded share is late, and a seeded share comes more than once."""
        encoded = orjson.dumps(event)
        draws = random.Random(f"{self.options.seed}/{who.key}/{moment.kind}/{moment.number}/post")
        if draws.random() < self.options.disorder:
            self._hold(encoded, now + 4 * self.options.post_every_seconds * draws.random())
        else:
            posts.append(encoded)
        if draws.random() < self.options.duplicates:
            for copy in range(1, draws.randint(2, COPIES_MAX + 1)):
                self._hold(encoded, now + 3 * copy * self.options.post_every_seconds * draws.random())

    def _hold(self, encoded: bytes, until: float) -> None:
        heapq.heappush(self._held, (until, next(self._serial), encoded))


@dataclass(frozen=True, slots=True)
class _Shared:
    """What all recipients of a mail share when it is decided who is dropped."""

    group_id: int | None
    bypassed: frozenset[str]


def _addressee(mail: dict[str, Any], custom_args: dict[str, str], entry: Entry) -> Addressee:
    group_id = mail.get("asm", {}).get("group_id")
    return Addressee(
        address=entry.recipient.address,
        key=entry.recipient.key,
        position=entry.position,
        x_message_id=entry.request.x_message_id,
        custom_args=custom_args,
        categories=list(entry.request.categories),
        group_id=None if group_id is None else int(group_id),
        pool=mail.get("ip_pool_name"),
        drop_reason=entry.drop_reason,
        link=entry.link,
    )
