"""The webhook is down: the posts of one of the provider's servers, or of all, come hours late, or only when asked for.

Meanwhile only other events come: strangers' mails, the provider's test button, clocks that are ahead. Because of these,
the newest event is always newer than any hours of a topic.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson

from builders import NOON
from event_feed import post_all, processed_events, signer_of
from fault_stage import Afterwards, Stage
from proof import Ledger, duplicates
from running_services import running_collector

SERVERS = 5
SETTLE_AFTER_HOURS = 4  # resend makes 25 of these, abandon 28
RETRIED_HOURS = 23  # late, and within the 24 hours in which a post is repeated
ASKED_FOR_HOURS = 300  # when the provider has long given up, and mails are stale
STALE_AFTER_HOURS = 240
LOOKS = (10.0, 22.0, 24.5, 28.5, 73.0, STALE_AFTER_HOURS + 3.0, ASKED_FOR_HOURS + 1.0)
FEW_LOOKS = (22.0, 24.5, 28.5)
"""Hours after the attempts at which a worker looks at mails in doubt: before and after 25 and 28."""


@dataclass(frozen=True)
class Outage:
    """The posts of this many servers come `until_hours` after the attempts."""

    name: str
    servers: int
    until_hours: float

    def strikes(self, message_id: str) -> bool:
        return zlib.crc32(message_id.encode()) % SERVERS < self.servers

    @property
    def is_late(self) -> bool:
        """Whether the posts still come by the provider's own retries."""
        return self.until_hours <= RETRIED_HOURS


OUTAGES = [
    Outage("one server's posts late", 1, RETRIED_HOURS),
    Outage("all posts late", SERVERS, RETRIED_HOURS),
    Outage("one server's posts lost", 1, ASKED_FOR_HOURS),
    Outage("all posts lost", SERVERS, ASKED_FOR_HOURS),
]


@dataclass
class Played:
    """What came of it: the ledgers, and how many events of others were taken in."""

    after: Afterwards
    untaken: set[str]
    """Mails in doubt that the provider had not taken."""
    events_of_others: int


class Feed:
    """Posts what the provider would post to a collector, whose files are ingested."""

    def __init__(self, stage: Stage, folder: Path, url: str) -> None:
        self.stage, self.folder, self.url = stage, folder, url
        self.signer = signer_of(stage.record)
        self.of_others = 0

    def post(self, message_ids: Iterable[str], hours: float = 0.0) -> None:
        """Post the events of these mails, first tried `hours` ago."""
        if events := processed_events(message_ids, int(NOON.timestamp())):
            post_all(self.url, self.signer, events, age_seconds=min(hours, RETRIED_HOURS) * 3600)

    def take_in_with_others(self, hours: float) -> None:
        """Post events of mails that are not ours, dated now and a fortnight ahead, and ingest all events."""
        events = [
            {**event, "sg_event_id": f"other-{number}-{hours}-{days}", "timestamp": _epoch(hours + 24 * days)}
            for number, event in enumerate(OTHERS)
            for days in (0, 14)
        ]
        self.of_others += len(events)
        post_all(self.url, self.signer, [orjson.dumps(event) for event in events])
        self.stage.ingest(self.folder)


OTHERS: list[dict[str, Any]] = [
    {"event": "delivered", "email": "stranger@example.com", "sg_message_id": "another-sender.filter-1"},
    {"event": "open", "email": "stranger@example.com", "lm_message_id": "ffffffff-ffff-4fff-8fff-ffffffffffff"},
    {"event": "processed", "email": "example@example.com", "smtp-id": "<14c5d75ce93.dfd.64b469@ismtpd-555>"},
]


def _epoch(hours: float) -> int:
    return int((NOON + timedelta(hours=hours)).timestamp())


def play(
    stage: Stage, outage: Outage, folder: Path, limit: int = 1000, looks: Sequence[float] = LOOKS
) -> Played:
    """Send with two unclear answers, one of them to mails that were taken. Then the posts come as `outage` says. The
    provider never has a mail twice, and gets none again before its events are here."""
    _send(stage, limit)
    sent, taken = stage.ledger(), stage.accepted()
    untaken = sent.ids("in_doubt") - set(taken)
    folder.mkdir()
    with running_collector(folder, SENDGRID_WEBHOOK_PUBLIC_KEY=signer_of(stage.record).public_key) as collector:
        feed = Feed(stage, folder, collector.url)
        feed.take_in_with_others(SETTLE_AFTER_HOURS + 0.4)
        stage.drain(timedelta(hours=SETTLE_AFTER_HOURS + 0.5))
        silent = stage.ledger()
        feed.post(one for one in taken if not outage.strikes(one))
        late = [one for one in taken if outage.strikes(one)]
        with_events = None
        for hours in looks:
            if is_over := hours > outage.until_hours and with_events is None:
                feed.post(late, outage.until_hours)
            feed.take_in_with_others(hours)
            with_events = stage.ledger() if is_over else with_events
            stage.drain(timedelta(hours=hours))
            assert duplicates(stage.accepted()) == 0, f"{hours} hours after the attempts"
            assert with_events is not None or stage.accepted() == taken, f"{hours} hours after the attempts"
    assert with_events is not None
    return Played(Afterwards(set(taken), sent, silent, with_events, stage.ledger()), untaken, feed.of_others)


def _send(stage: Stage, limit: int) -> None:
    """Three workers run in three hours. The first two requests get no answer; the provider took the first of the
    two."""
    stage.faults(
        0,
        {"answer": "drop", "accepted": True, "times": 1},
        {"answer": "drop", "accepted": False, "times": 1},
    )
    stage.run(point="after record", nth=5, limit=limit)
    stage.faults()
    stage.run(timedelta(hours=1), point="after record", nth=3, limit=limit)
    stage.run(timedelta(hours=2), limit=limit)


def ends(ledger: Ledger, message_ids: set[str]) -> set[tuple[str, str | None]]:
    """State and reason of these mails."""
    return {(ledger.states[one], ledger.reasons[one]) for one in message_ids}


ENDS = {
    ("abandon", True): ("abandoned", "no_evidence"),
    ("abandon", False): ("abandoned", "no_evidence"),
    ("resend", True): ("accepted", None),
    ("resend", False): ("abandoned", "events_missing"),
}
"""By policy and whether the posts were late, not lost: what becomes of a mail in doubt that was not taken."""
