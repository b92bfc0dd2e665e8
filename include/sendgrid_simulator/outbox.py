"""What was accepted, kept for viewing: one compressed body per request, one small row per recipient.

Only the newest `limit` recipients are kept (100,000 by default, about 300 bytes each in addition to
the bodies), so a million mails need no more memory than the limit says. The record file keeps them all.
"""

import zlib
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import orjson

from sendgrid_simulator.mail import Recipient
from sendgrid_simulator.recipients import Moment

KINDS = (
    "processed", "dropped", "deferred", "delivered", "bounce", "block", "expire", "async_bounce",
    "open", "machine_open", "click", "unsubscribe", "group_unsubscribe", "spamreport",
)  # fmt: skip
_BIT = {kind: 1 << place for place, kind in enumerate(KINDS)}

OUTCOMES = {
    "delivered": ("delivered",),
    "opened": ("open",),
    "machine opened": ("machine_open",),
    "clicked": ("click",),
    "bounced": ("bounce", "async_bounce"),
    "blocked": ("block", "expire"),
    "dropped": ("dropped",),
    "deferred": ("deferred",),
    "unsubscribed": ("unsubscribe", "group_unsubscribe"),
    "complained": ("spamreport",),
}
"""What the page's filter offers, and the kinds of moment each choice stands for."""


@dataclass(frozen=True, slots=True)
class KeptRequest:
    """One accepted request; `packed` is its body as posted, compressed."""

    number: int
    x_message_id: str
    accepted_at: float
    categories: tuple[str, ...]
    packed: bytes


@dataclass(slots=True)
class Entry:
    """One recipient's row; `seen` has a bit for each kind of moment that has happened."""

    number: int
    request: KeptRequest
    recipient: Recipient
    position: int
    """Place of the recipient in its request, from 0."""
    plan: list[Moment]
    drop_reason: str | None
    link: tuple[int, str, str] | None
    """What a click hits: position in its part, html or text, address."""
    seen: int = 0

    def has(self, kind: str) -> bool:
        return bool(self.seen & _BIT[kind])

    def mark(self, kind: str) -> None:
        self.seen |= _BIT[kind]

    def kinds(self) -> list[str]:
        """Return what has happened so far, in the order a mail usually takes."""
        return [kind for kind in KINDS if self.has(kind)]


class Outbox:
    """The newest entries by number; unpacked bodies of the last few requests looked at are remembered."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.total = 0
        self._entries: dict[int, Entry] = {}
        self._unpacked: OrderedDict[int, dict[str, Any]] = OrderedDict()

    def keep(
        self, number: int, x_message_id: str, accepted_at: float, categories: list[str], body: bytes
    ) -> KeptRequest:
        """Return a request to add entries to; it is let go of with its last entry."""
        return KeptRequest(number, x_message_id, accepted_at, tuple(categories), zlib.compress(body, 1))

    def add(
        self,
        request: KeptRequest,
        recipient: Recipient,
        position: int,
        plan: list[Moment],
        drop_reason: str | None,
        link: tuple[int, str, str] | None,
    ) -> Entry:
        """Put a recipient on top; the oldest leaves where the limit is reached."""
        self.total += 1
        entry = Entry(self.total, request, recipient, position, plan, drop_reason, link)
        self._entries[entry.number] = entry
        self._entries.pop(self.total - self.limit, None)
        return entry

    def get(self, number: int) -> Entry | None:
        return self._entries.get(number)

    def body(self, request: KeptRequest) -> dict[str, Any]:
        """Return the parsed body of a kept request."""
        if request.number not in self._unpacked:
            self._unpacked[request.number] = orjson.loads(zlib.decompress(request.packed))
            if len(self._unpacked) > 20:
                self._unpacked.popitem(last=False)
        self._unpacked.move_to_end(request.number)
        return self._unpacked[request.number]

    def page(self, campaign: str, outcome: str, search: str, offset: int, limit: int) -> tuple[list[Entry], int]:
        """Return one page, newest first, and how many entries match; an empty filter matches all."""
        matching = list(self._matching(campaign, outcome, search.lower()))
        return list(islice(matching, offset, offset + limit)), len(matching)

    def campaigns(self) -> list[str]:
        """Return every category among the kept entries, sorted."""
        requests = {entry.request.number: entry.request for entry in self._entries.values()}
        return sorted({category for request in requests.values() for category in request.categories})

    def counts(self) -> dict[str, int]:
        """Return how many kept entries have each outcome."""
        totals = dict.fromkeys(OUTCOMES, 0)
        masks = {name: _mask(name) for name in OUTCOMES}
        for entry in self._entries.values():
            for name, mask in masks.items():
                if entry.seen & mask:
                    totals[name] += 1
        return totals

    def clear(self) -> None:
        self._entries.clear()
        self._unpacked.clear()
        self.total = 0

    def __len__(self) -> int:
        return len(self._entries)

    def _matching(self, campaign: str, outcome: str, search: str) -> Iterator[Entry]:
        mask = _mask(outcome)
        for entry in reversed(self._entries.values()):
            if campaign and campaign not in entry.request.categories:
                continue
            if mask and not entry.seen & mask:
                continue
            if not search or search in entry.recipient.address.lower():
                yield entry


def _mask(outcome: str) -> int:
    return sum(_BIT[kind] for kind in OUTCOMES.get(outcome, ()))
