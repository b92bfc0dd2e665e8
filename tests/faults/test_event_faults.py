"""Events come late, twice, backwards, cut, unknown, in large batches, and through collectors that die."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from sqlalchemy.engine import Engine

from builders import rows
from durable_server import DurableServer
from event_feed import post, post_all, processed_events, signer_of
from fault_report import Row, judge
from fault_stage import Afterwards, Stage
from lifecycle_mail.database import engine
from lifecycle_mail.events import ingest
from running_services import running_collector
from sendgrid_simulator.webhook import BATCH_BYTES_MAX, Signer, batches
from webhook_outage import ENDS, OUTAGES, SETTLE_AFTER_HOURS, Outage, ends, play

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]

MORE_THAN_A_DAY_SECONDS = 25 * 3600  # SendGrid repeats a post for 24 hours, and the collector takes 26
MOST_COPIES = 46
LIVELY = ("--rate", "bounce=0.03", "--rate", "complain=0.002", "--rate", "open=0.4", "--rate", "unsubscribe=0.01")
FACTS = {
    "events": "select sg_event_id, occurred_at, event, message_id, address from event.event"
    " where event <> 'teleported'",
    "engagement": "select (to_jsonb(engagement) - 'batch_id')::text from event.engagement",
    "suppressions": "select (to_jsonb(suppression) - 'batch_id')::text from event.suppression",
    "mails": "select message_id, state, reason, accepted_at, settled_at from message.message",
}


def test_an_untidy_feed_says_the_same(
    staged: Callable[..., Stage], durable_server: DurableServer, tmp_path: Path, event_fact: Callable[..., None]
) -> None:
    """Up to 46 copies, backwards, partly a day late, cut lines, missing ids, unknown kinds, 768 kB per post: every
    fact, suppression and settled mail is the one that a tidy feed gives."""
    stage = staged(10_000, "abandon", *LIVELY)
    stage.faults(0, {"answer": "reset", "accepted": True, "times": 2}, {"answer": "reset_body", "times": 1})
    stage.run()
    stage.collect_events()
    before = durable_server.copy(stage.engine)
    stage.ingest()
    posted = one_of_each(stage.events)
    untidy = Untidy(posted, random.Random(46))
    folder = tmp_path / "untidy"
    folder.mkdir()
    signer = signer_of(stage.record)
    with running_collector(folder, SENDGRID_WEBHOOK_PUBLIC_KEY=signer.public_key) as collector:
        largest = post_all(collector.url, signer, untidy.first)
        cut = write_cut_lines(folder, untidy.first[:500])
        other = engine(before)
        ingest(other, folder)
        post_all(collector.url, signer, untidy.late, age_seconds=MORE_THAN_A_DAY_SECONDS)
    ingest(other, folder)
    try:
        for what, query in FACTS.items():
            assert facts(other, query) == facts(stage.engine, query), what
        with other.connect() as connection:
            set_aside = rows(connection, "select reason, count(*) from event.rejected group by reason")
            unknown = rows(connection, "select count(*) from event.event where event = 'teleported'")[0][0]
        assert sum(number for _, number in set_aside) == cut
        assert unknown == untidy.unknown
        assert BATCH_BYTES_MAX - 2000 < largest <= BATCH_BYTES_MAX
        assert untidy.most_copies == MOST_COPIES
        assert len(facts(other, FACTS["events"])) == len(posted)
        settled = rows_of(other, "select count(*) from message.message where reason = 'settled_by_event'")
    finally:
        other.dispose()
        durable_server.drop(before)
    event_fact(
        "an untidy feed gives the facts of a tidy one",
        events=len(posted), posts_of_events=len(untidy.first) + len(untidy.late), most_copies=untidy.most_copies,
        a_day_late=len(untidy.late), without_sg_message_id=untidy.nameless, of_unknown_kind=untidy.unknown,
        cut_lines_set_aside=cut, largest_post_bytes=largest, mails_settled=settled, facts_that_differ=0,
    )  # fmt: skip


class Untidy:
    """The same events as no provider should post them; `late` events come a day after `first`."""

    def __init__(self, events: Sequence[dict[str, Any]], draw: random.Random) -> None:
        self.first: list[bytes] = []
        self.late: list[bytes] = []
        self.most_copies = self.nameless = self.unknown = 0
        for number, event in enumerate(reversed(events)):
            if draw.random() < 0.1:
                event = {key: value for key, value in event.items() if key != "sg_message_id"}
                self.nameless += 1
            copies = MOST_COPIES if number % 200 == 0 else draw.choice((1, 1, 1, 2, 3))
            self.most_copies = max(self.most_copies, copies)
            for _ in range(copies):
                (self.late if draw.random() < 0.3 else self.first).append(orjson.dumps(event))
            if number % 100 == 0:
                strange = {"event": "teleported", "sg_event_id": f"strange-{number}", "somewhere": [1, {"a": None}]}
                self.first.append(orjson.dumps({**event, **strange}))
                self.unknown += 1


def one_of_each(folder: Path) -> list[dict[str, Any]]:
    """Every event of the collector's files once, in the order of their arrival."""
    found = {}
    for file in sorted(folder.glob("*.ndjson")):
        for line in file.read_bytes().splitlines():
            event = orjson.loads(line)
            found.setdefault(event["sg_event_id"], event)
    return list(found.values())


def write_cut_lines(folder: Path, events: Sequence[bytes]) -> int:
    """Write a file of lines that end in the middle, the last without a line end; return how many."""
    halves = [event[: len(event) // 2] for event in events]
    (folder / "events-cut.ndjson").write_bytes(b"\n".join(halves))
    return len(halves)


def facts(own: Engine, query: str) -> set[tuple[Any, ...]]:
    with own.connect() as connection:
        return set(rows(connection, query))


def rows_of(own: Engine, query: str) -> int:
    with own.connect() as connection:
        return int(rows(connection, query)[0][0])


def test_a_collector_killed_after_its_answer(
    staged: Callable[..., Stage], tmp_path: Path, report: Callable[[Row], None], event_fact: Callable[..., None]
) -> None:
    """The collector is killed with kill -9 the moment it acknowledges a post, while others are under way. No
    acknowledged event is lost, and the events settle thousands of mails in doubt. More than half of the answers are
    unclear, but not all, because the workers would then send single mails."""
    stage = staged(10_000)
    stage.faults(0, {"answer": "status", "status": 500, "accepted": True, "share": 0.6})
    stage.campaign(2, lambda: stage.orders(waits=0))
    taken, sent = set(stage.accepted()), stage.ledger()
    doubtful = sent.ids("in_doubt")
    assert sent.ids("accepted") | doubtful == taken
    assert len(doubtful) > 2_000
    folder = tmp_path / "killed"
    folder.mkdir()
    feed = KilledFeed(folder, signer_of(stage.record))
    events = processed_events(sorted(taken), int(time.time()))
    feed.post_until_acknowledged([body for body, _ in batches(events, 12_000)])
    written = {event["sg_event_id"] for event in readable(folder)}
    assert feed.lost_of(written) == set()
    assert feed.kills >= 10
    stage.ingest(folder)
    settled = stage.ledger()
    assert settled.ids("accepted") == taken
    event_fact(
        "a collector killed after its answer", events=len(events), kills=feed.kills, posts_repeated=feed.repeated,
        acknowledged_and_lost=0, mails_settled=len(doubtful),
    )  # fmt: skip
    after = Afterwards(taken, sent, sent, settled, stage.settle().end)
    row = judge(
        "collector killed, mails in doubt", stage, after, 2,
        collector_kills=feed.kills, workers_that_gave_up=stage.tally.refused,
    )  # fmt: skip
    report(row)


@pytest.mark.parametrize("policy", ["abandon", "resend"])
@pytest.mark.parametrize("outage", OUTAGES, ids=lambda outage: outage.name)
def test_the_webhook_is_down(
    staged: Callable[..., Stage], tmp_path: Path, report: Callable[[Row], None], policy: str, outage: Outage
) -> None:
    """Posts come hours late or are lost, and newer events of other mails come in between. No cap keeps a mail from
    going twice. Still no recipient is mailed twice, mails that were taken end as accepted, and the rest is sent or ends
    with a reason."""
    stage = staged(10_000, policy, kind="uncapped", settle_after_hours=SETTLE_AFTER_HOURS)
    played = play(stage, outage, tmp_path / "webhook")
    assert len(played.untaken) == 1000
    assert len(played.after.sent.ids("in_doubt")) == 2000
    assert ends(played.after.end, played.untaken) == {ENDS[policy, outage.is_late]}
    row = judge(
        f"webhook: {outage.name}, {policy}", stage, played.after, 3, faulty_answers=2,
        events_of_others=played.events_of_others,
    )  # fmt: skip
    report(row)


class KilledFeed:
    """Posts bodies to a collector that is killed after its first answers; posts again what was not acknowledged."""

    def __init__(self, folder: Path, signer: Signer) -> None:
        self.folder, self.signer = folder, signer
        self.acknowledged: list[bytes] = []
        self.kills = self.repeated = 0

    def post_until_acknowledged(self, bodies: Sequence[bytes], kills: int = 15) -> None:
        """Post all, through one collector after another; after so many kills the last one lives."""
        waiting, draw = list(bodies), random.Random(11)
        while waiting:
            answers = draw.randint(1, 6) if self.kills < kills else len(waiting) + 1
            known = self._one_life(waiting[: answers + 4], answers)
            self.acknowledged += [waiting[number] for number in known]
            waiting = [body for number, body in enumerate(waiting) if number not in known]

    def _one_life(self, bodies: Sequence[bytes], answers: int) -> set[int]:
        """Post four at a time, and kill the collector after `answers` answers; return which posts were acknowledged."""
        known, enough = set[int](), threading.Event()

        def one(number: int) -> None:
            if not enough.is_set() and self._is_taken(collector.url, bodies[number]):
                known.add(number)
                if len(known) >= answers:
                    enough.set()

        key, posting = self.signer.public_key, ThreadPoolExecutor(4)
        with running_collector(self.folder, SENDGRID_WEBHOOK_PUBLIC_KEY=key) as collector, posting as pool:
            posts = [pool.submit(one, number) for number in range(len(bodies))]
            while not enough.is_set() and not all(future.done() for future in posts):
                enough.wait(0.01)
            if enough.is_set():
                collector.kill()
                self.kills += 1
        return known

    def _is_taken(self, url: str, body: bytes) -> bool:
        try:
            return post(url, self.signer, body).status_code == 200
        except httpx.TransportError:
            self.repeated += 1
            return False

    def lost_of(self, written: set[str]) -> set[str]:
        """Ids of acknowledged events that are not among `written`."""
        return {event["sg_event_id"] for body in self.acknowledged for event in orjson.loads(body)} - written


def readable(folder: Path) -> list[dict[str, Any]]:
    """The whole events of a folder; a killed collector may leave a line that is cut."""
    found = []
    for file in folder.glob("*.ndjson"):
        for line in file.read_bytes().splitlines():
            try:
                found.append(orjson.loads(line))
            except orjson.JSONDecodeError:
                continue
    return found
