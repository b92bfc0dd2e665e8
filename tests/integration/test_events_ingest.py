"""Export files → deduplicated events, first facts per message, suppressions, settled messages."""

from __future__ import annotations

import gzip
import itertools
import os
import random
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

import builders
from builders import NOON, rows
from lifecycle_mail.errors import EventsError
from lifecycle_mail.events import IngestReport, copying, export_reader, ingest
from lifecycle_mail.kpis import roll_up
from suite_budget import with_long

TOPICS = {7: "reminders", 8: "offers"}
REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def mails(warehouse: Engine) -> dict[str, str]:
    """Seven customers a…g, each with one accepted mail: customer → message id."""
    with warehouse.begin() as connection:
        load_id = builders.load(connection)
        builders.campaign(connection)
        ids = {}
        for name in "abcdefg":
            builders.customer(connection, name, load_id=load_id)
            enrollment = builders.enrollment(connection, "cart_abandoned", name)
            ids[name] = builders.message(connection, enrollment, "cart_abandoned", name)
    return ids


def event(kind: str, who: str, mails: dict[str, str], minutes: float = 0, **fields: Any) -> dict[str, Any]:
    """An event as SendGrid posts it, `minutes` after noon; its id follows from its content."""
    posted = {
        "email": f"{who.upper()}@Example.com",
        "timestamp": int((NOON + timedelta(minutes=minutes)).timestamp()),
        "event": kind,
        "sg_event_id": f"{kind}-{who}-{minutes}",
        "sg_message_id": "14c5d75ce93.filter-1",
        "lm_message_id": mails[who],
        "category": ["cart_abandoned"],
    }
    return {name: value for name, value in {**posted, **fields}.items() if value is not ...}


def lines(events: list[Any]) -> bytes:
    """The events as NDJSON."""
    return b"".join(orjson.dumps(item) + b"\n" for item in events)


@pytest.fixture
def take(warehouse: Engine, tmp_path: Path) -> Callable[..., IngestReport]:
    """Write the events to a file (a new one unless named) and ingest it."""

    def write_and_ingest(events: list[Any], name: str | None = None, now: datetime | None = None) -> IngestReport:
        path = tmp_path / (name or f"export-{len(list(tmp_path.iterdir()))}.ndjson")
        path.write_bytes(lines(events))
        return ingest(warehouse, path, topics=TOPICS, now=now)

    return write_and_ingest


def a_story(mails: dict[str, str]) -> list[dict[str, Any]]:
    """Everything that can happen to seven mails."""
    return [
        event("processed", "a", mails, 1),
        event("deferred", "a", mails, 2, reason="busy a@example.com"),
        event("deferred", "a", mails, 3),
        event("delivered", "a", mails, 4),
        event("open", "a", mails, 5, sg_machine_open=True),
        event("open", "a", mails, 6),
        event("open", "a", mails, 9),
        event("click", "a", mails, 7, url="https://example.com/1"),
        event("click", "a", mails, 8, url="https://example.com/2"),
        event("bounce", "b", mails, 2, type="bounce", reason="550 <b@example.com> unknown"),
        event("bounce", "c", mails, 2, type="blocked", reason="later"),
        event("bounce", "c", mails, 20, type="expired", reason="gave up"),
        event("delivered", "d", mails, 2),
        event("spamreport", "d", mails, 30),
        event("delivered", "e", mails, 2),
        event("group_unsubscribe", "e", mails, 10, asm_group_id=7),
        event("group_resubscribe", "e", mails, 11, asm_group_id=7),
        event("group_unsubscribe", "e", mails, 12, asm_group_id=8),
        event("unsubscribe", "f", mails, 13),
        event("dropped", "g", mails, 1, reason="Bounced Address"),
        event("lm_unsubscribe", "g", mails, 40, lm_topic="reminders", email=...),
        event("something_new", "g", mails, 41, whatever={"deep": [1]}),
    ]


ENGAGEMENT = """
    select customer_id, first_event_at, processed_at, delivered_at, deferred_at, deferred_count,
           bounced_hard_at, bounced_soft_at, dropped_at, reason, first_open_at, last_open_at,
           first_machine_open_at, first_click_at, last_click_at, unsubscribed_at, complained_at
    from event.engagement order by customer_id
"""
SUPPRESSION = """
    select address, scope, reason, suppressed_at, last_suppressed_at, source, lifted_at
    from event.suppression order by address, scope, reason
"""
STATES = "select customer_id, state, reason, accepted_at, settled_at from message.message order by customer_id"


def end_state(warehouse: Engine) -> dict[str, list[tuple[Any, ...]]]:
    """All that must not depend on the order in which events came, or how often."""
    with warehouse.connect() as connection:
        return {
            "engagement": rows(connection, ENGAGEMENT),
            "suppression": rows(connection, SUPPRESSION),
            "states": rows(connection, STATES),
            "events": rows(connection, "select sg_event_id, occurred_at, event from event.event order by 1, 2"),
        }


def at(minutes: float) -> datetime:
    """A moment after noon."""
    return NOON + timedelta(minutes=minutes)


def test_events_fold_to_first_and_last_facts(
    warehouse: Engine, mails: dict[str, str], take: Callable[..., IngestReport]
) -> None:
    """First facts are the earliest, last facts the newest; human and machine opens are apart."""
    report = take(a_story(mails))
    assert report == IngestReport(received=22, inserted=22, files=1)
    facts = {row[0]: row[1:] for row in end_state(warehouse)["engagement"]}
    nothing = None
    assert facts["a"] == (
        at(1), at(1), at(4), at(2), 2, nothing, nothing, nothing, nothing, at(6), at(9), at(5), at(7), at(8),
        nothing, nothing,
    )  # fmt: skip
    assert facts["b"][5] == at(2)
    assert facts["b"][8] == "550 <[address]> unknown"
    assert facts["c"][6:9] == (at(2), None, "gave up")
    assert facts["d"][-1] == at(30)
    assert facts["g"][7] == at(1)
    assert facts["g"][-2] == at(40)


def test_opens_and_clicks_are_in_the_activity_row_as_soon_as_they_are_known(
    warehouse: Engine, mails: dict[str, str], take: Callable[..., IngestReport]
) -> None:
    """The segment `inactive` trusts that row: no engagement is newer than it, also after late events."""
    story = a_story(mails)
    for part in (story[1::2], story[::2]):
        take(part)
        with warehouse.connect() as connection:
            known = rows(
                connection,
                "select customer_id, max(last_open_at), max(last_click_at) from event.engagement"
                " where greatest(last_open_at, last_click_at) is not null group by customer_id order by 1",
            )
            kept = "select customer_id, last_open_at, last_click_at from source.customer_activity order by 1"
            assert known
            assert rows(connection, kept) == known


def test_events_suppress_by_scope_and_reason(
    warehouse: Engine, mails: dict[str, str], take: Callable[..., IngestReport]
) -> None:
    """Hard bounces, complaints, unsubscribes and lasting drops suppress all mail, topics only themselves."""
    take(a_story(mails))
    assert end_state(warehouse)["suppression"] == [
        ("b@example.com", "all", "hard_bounce", at(2), at(2), "bounce", None),
        ("d@example.com", "all", "complaint", at(30), at(30), "spamreport", None),
        ("e@example.com", "topic:offers", "unsubscribed", at(12), at(12), "group_unsubscribe", None),
        ("e@example.com", "topic:reminders", "unsubscribed", at(10), at(10), "group_unsubscribe", at(11)),
        ("f@example.com", "all", "unsubscribed", at(13), at(13), "unsubscribe", None),
        ("g@example.com", "all", "dropped", at(1), at(1), "dropped", None),
        ("g@example.com", "topic:reminders", "unsubscribed", at(40), at(40), "lm_unsubscribe", None),
    ]


def test_a_drop_for_leaving_a_topic_ends_with_the_return_to_it(
    warehouse: Engine, mails: dict[str, str], take: Callable[..., IngestReport]
) -> None:
    """A customer left a topic, was dropped for it and came back: mailable. Until the return only that topic is stopped,
    as left."""
    take([
        event("group_unsubscribe", "a", mails, 10, asm_group_id=7),
        event("dropped", "a", mails, 20, asm_group_id=7, reason="Unsubscribed Address"),
    ])  # fmt: skip
    leaving = ("a@example.com", "topic:reminders", "unsubscribed", at(10), at(20), "group_unsubscribe")
    assert end_state(warehouse)["suppression"] == [(*leaving, None)]
    take([event("group_resubscribe", "a", mails, 30, asm_group_id=7)])
    assert end_state(warehouse)["suppression"] == [(*leaving, at(30))]
    with warehouse.connect() as connection:
        assert rows(connection, "select * from event.suppressed_customer") == []


def test_the_outcome_is_the_latest_of_deliveries_and_soft_bounces(
    warehouse: Engine, mails: dict[str, str], take: Callable[..., IngestReport]
) -> None:
    """Soft bounce, delivery, soft bounce again is a soft bounce, in whatever order the three are heard of; a delivery
    after that makes it delivered."""
    story = [
        {"kind": "bounce", "minutes": 1, "type": "blocked"}, {"kind": "delivered", "minutes": 2},
        {"kind": "bounce", "minutes": 3, "type": "blocked"},
    ]  # fmt: skip
    orders = dict(zip("abcdef", itertools.permutations(story), strict=True))
    outcomes = "select customer_id, outcome from kpi.step_outcome where customer_id <> 'g' order by 1"
    with warehouse.begin() as connection:
        for row in rows(connection, "select enrollment_id, customer_id from journey.enrollment"):
            builders.decision(connection, row[0], "cart_abandoned", row[1])
    for place in range(3):
        take([event(who=who, mails=mails, **order[place]) for who, order in orders.items()])
        roll_up(warehouse, reporting_zone="UTC", now=at(60))
    with warehouse.connect() as connection:
        assert rows(connection, outcomes) == [(who, "bounced_soft") for who in orders]
    take([event("delivered", who, mails, 4) for who in orders])
    roll_up(warehouse, reporting_zone="UTC", now=at(60))
    with warehouse.connect() as connection:
        assert rows(connection, outcomes) == [(who, "delivered") for who in orders]


def test_unknown_kinds_and_fields_are_kept(
    warehouse: Engine, mails: dict[str, str], take: Callable[..., IngestReport]
) -> None:
    """An event we know nothing of is stored whole, and is still evidence for its message."""
    posted = event("something_new", "a", mails, 1, whatever={"deep": [1, "é"]}, lm_extra="x")
    take([posted])
    with warehouse.connect() as connection:
        assert rows(connection, "select event, cast(message_id as text), raw from event.event") == [
            ("something_new", mails["a"], posted)
        ]
        assert rows(connection, "select customer_id, first_event_at from event.engagement") == [("a", at(1))]


def test_garbage_message_ids_are_kept_without_message(
    warehouse: Engine, mails: dict[str, str], take: Callable[..., IngestReport]
) -> None:
    """An event of a mail that is not ours is stored, and folds to no message."""
    foreign = "7fffffff-ffff-ffff-0000-000000000000"
    report = take([
        event("open", "a", mails, 1, lm_message_id="garbage"),
        event("open", "a", mails, 2, lm_message_id=foreign),
        event("open", "a", mails, 3, lm_message_id=mails["a"][:-1] + ("0" if mails["a"][-1] != "0" else "1")),
        event("open", "a", mails, 4, lm_message_id=...),
    ])  # fmt: skip
    assert report.inserted == 4
    with warehouse.connect() as connection:
        assert rows(connection, "select count(*) from event.event") == [(4,)]
        assert rows(connection, "select count(*) from event.engagement") == [(0,)]


@pytest.mark.parametrize("seed", range(6))
def test_order_and_repeats_do_not_matter(
    warehouse: Engine, mails: dict[str, str], tmp_path: Path, seed: int
) -> None:
    """Events shuffled, repeated up to 46 times and split over ingests in any way leave one and the same end state."""
    chance = random.Random(seed)
    story = a_story(mails)
    first = tmp_path / "in_order.ndjson"
    first.write_bytes(lines(story))
    ingest(warehouse, first, topics=TOPICS)
    expected = end_state(warehouse)
    _forget_events(warehouse)

    posted = [item for item in story for _ in range(chance.choice((1, 2, 46)))]
    chance.shuffle(posted)
    if seed == 0:
        posted = story[::-1]
    cuts = sorted(chance.sample(range(len(posted)), 4))
    reports = []
    for number, (start, end) in enumerate(zip([0, *cuts], [*cuts, len(posted)], strict=True)):
        path = tmp_path / f"part-{number}.ndjson"
        path.write_bytes(lines(posted[start:end]))
        reports.append(ingest(warehouse, path, topics=TOPICS, events_a_step=7))
    assert end_state(warehouse) == expected
    assert sum(report.inserted for report in reports) == len(story)
    assert sum(report.received for report in reports) == len(posted)
    assert all(report.received == report.inserted + report.duplicates for report in reports)


def _forget_events(warehouse: Engine) -> None:
    with warehouse.begin() as connection:
        connection.execute(sa.text(
            "truncate event.event, event.engagement, event.suppression, event.resubscription, event.file, event.batch"
        ))


def test_one_event_id_with_two_timestamps_counts_once(
    warehouse: Engine, mails: dict[str, str], take: Callable[..., IngestReport]
) -> None:
    """The same sg_event_id at another second, in the same file or a later one, is a repeat: the first one counts."""
    first = event("deferred", "a", mails, 1, sg_event_id="same")
    again = event("deferred", "a", mails, 5, sg_event_id="same")
    assert take([first, again]).duplicates == 1
    much_later = event("deferred", "a", mails, 60 * 24 * 29, sg_event_id="same")
    assert take([again, much_later]).duplicates == 2
    with warehouse.connect() as connection:
        assert rows(connection, "select sg_event_id, occurred_at from event.event") == [("same", at(1))]
        assert rows(connection, "select deferred_count from event.engagement") == [(1,)]


def test_without_ids_equal_events_count_once(mails: dict[str, str], take: Callable[..., IngestReport]) -> None:
    """Events without sg_event_id are distinguished by their content."""
    report = take([
        event("click", "a", mails, 1, sg_event_id=..., url="https://example.com/1"),
        event("click", "a", mails, 1, sg_event_id=..., url="https://example.com/2"),
        event("click", "a", mails, 1, sg_event_id=..., url="https://example.com/1"),
    ])  # fmt: skip
    assert (report.inserted, report.duplicates) == (2, 1)


class TestFiles:
    """Forms of export files, broken ones, growing ones."""

    def test_every_form_of_file_gives_the_same_events(
        self, warehouse: Engine, mails: dict[str, str], tmp_path: Path
    ) -> None:
        """NDJSON, one array per line, one array per file, an array over lines, a mark at the start, and .gz are
        read."""
        groups = [a_story(mails)[start : start + 3] for start in range(0, 21, 3)]
        posts = [orjson.dumps(group) for group in groups]
        spread = b"[" + b",\r\n".join(map(orjson.dumps, groups[4])) + b"]\r\n"
        folder = tmp_path / "exports"
        (folder / "deep" / "er").mkdir(parents=True)
        (folder / "a.ndjson").write_bytes(b"\xef\xbb\xbf" + lines(groups[0]))
        (folder / "b.jsonl").write_bytes(posts[1] + b"\n" + posts[2])
        (folder / "deep" / "c.json").write_bytes(orjson.dumps(groups[3], option=orjson.OPT_INDENT_2))
        (folder / "deep" / "er" / "d.ndjson.gz").write_bytes(gzip.compress(spread))
        (folder / "e.json.gz").write_bytes(gzip.compress(posts[5]))
        (folder / "f.json").write_bytes(lines(groups[6]))
        (folder / "notes.txt").write_text("not an export")
        (folder / ".part.ndjson").write_bytes(b"half written")
        report = ingest(warehouse, folder, topics=TOPICS)
        assert report == IngestReport(received=21, inserted=21, files=6)
        with warehouse.connect() as connection:
            names = rows(connection, "select source_name from event.file order by 1")
        assert names == [
            ("a.ndjson",), ("b.jsonl",), ("deep/c.json",), ("deep/er/d.ndjson.gz",), ("e.json.gz",), ("f.json",),
        ]  # fmt: skip

    def test_bad_lines_are_named_and_stop_nothing(
        self, warehouse: Engine, mails: dict[str, str], tmp_path: Path
    ) -> None:
        """Broken JSON, wrong types, implausible times: set aside with file, line and reason; the rest loads."""
        good = event("open", "a", mails, 1)
        path = tmp_path / "mixed.ndjson"
        path.write_bytes(b"\n".join([
            orjson.dumps(good), b"", b'{"event": "open", "email', b"5", b'"text"', b"null", b"\xff\xfe\x00",
            orjson.dumps({**good, "timestamp": "soon"}), orjson.dumps({**good, "timestamp": 12}),
            orjson.dumps([good, 7, {**good, "event": None}]), orjson.dumps(event("click", "a", mails, 2)),
            b'{"event":"open","timestamp":1,"email":',
        ]))  # fmt: skip
        report = ingest(warehouse, path, topics=TOPICS)
        expected = [
            ("mixed.ndjson", 3, "broken_json"), ("mixed.ndjson", 4, "not_an_object"),
            ("mixed.ndjson", 5, "not_an_object"), ("mixed.ndjson", 6, "not_an_object"),
            ("mixed.ndjson", 7, "broken_json"), ("mixed.ndjson", 8, "timestamp_not_a_number"),
            ("mixed.ndjson", 9, "timestamp_too_early"), ("mixed.ndjson", 10, "event_missing"),
            ("mixed.ndjson", 10, "not_an_object"), ("mixed.ndjson", 12, "cut_line"),
        ]  # fmt: skip
        query = "select source_name, line, reason from event.rejected order by line, reason"
        with warehouse.connect() as connection:
            assert rows(connection, query) == expected
            details = rows(connection, "select detail from event.rejected where detail like '%@%'")
        assert details == []
        assert (report.inserted, report.duplicates, report.rejected) == (2, 1, 10)
        path.write_bytes(path.read_bytes() + b"x")
        os.utime(path)
        ingest(warehouse, path, topics=TOPICS)
        with warehouse.connect() as connection:
            assert rows(connection, query) == expected

    def test_an_event_nested_too_deeply_stops_nothing(
        self, warehouse: Engine, mails: dict[str, str], tmp_path: Path
    ) -> None:
        """In a line, in an array and in a document: what cannot be written again is set aside, the rest loads."""
        good, deep = event("open", "a", mails, 1), b"[" * 300 + b"]" * 300
        bad = orjson.dumps(event("click", "b", mails, 1, sg_event_id=...))[:-1] + b',"url":' + deep + b"}"
        folder = tmp_path / "exports"
        folder.mkdir()
        (folder / "lines.ndjson").write_bytes(bad + b"\n" + orjson.dumps(good) + b"\n")
        (folder / "array.ndjson").write_bytes(b"[" + bad + b"," + orjson.dumps(event("open", "c", mails, 1)) + b"]\n")
        (folder / "whole.json").write_bytes(b"[" + bad + b"," + orjson.dumps(event("open", "d", mails, 1)) + b"]")
        report = ingest(warehouse, folder)
        assert (report.inserted, report.rejected) == (3, 3)
        query = "select source_name, line, reason, strpos(raw, '[[[') > 0 from event.rejected order by 1"
        with warehouse.connect() as connection:
            assert rows(connection, query) == [
                (name, 1, "nested_too_deeply", True) for name in ("array.ndjson", "lines.ndjson", "whole.json")
            ]

    def test_long_lines_end_a_step_early_and_go_in_pieces(
        self, warehouse: Engine, mails: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A step is bounded by what was read, a block of COPY by rows and bytes: every event is there all the same."""
        monkeypatch.setattr(export_reader, "BLOCK_BYTES", 4_000)
        monkeypatch.setattr(export_reader, "LARGEST_STEP_BYTES", 20_000)
        monkeypatch.setattr(copying, "_ROWS_A_BLOCK", 7)
        monkeypatch.setattr(copying, "_LARGEST_BLOCK", 1_001)
        story = [event("open", "abcdefg"[n % 7], mails, n, padding="é" * (n % 50)) for n in range(200)]
        path = tmp_path / "long.ndjson"
        path.write_bytes(lines(story) + b"no JSON\n" * 20)
        steps: list[int] = []
        report = ingest(warehouse, path, progress=lambda _, received, inserted: steps.append(received))
        assert (report.received, report.inserted, report.rejected) == (220, 200, 20)
        assert 2 < len(steps) < 20, steps
        with warehouse.connect() as connection:
            found = {row[0]: row[1] for row in rows(connection, "select sg_event_id, raw from event.event")}
        assert found == {one["sg_event_id"]: one for one in story}

    def test_values_jsonb_cannot_hold_do_not_stop_the_step(
        self, warehouse: Engine, mails: dict[str, str], tmp_path: Path
    ) -> None:
        """A NUL in a text is left out; the event's other fields and its neighbours are untouched."""
        path = tmp_path / "odd.ndjson"
        odd = orjson.dumps(event("open", "a", mails, 1))[:-1]
        path.write_bytes(
            odd + b',"useragent":"a\\u0000b","back":"c\\\\u0000"}\n'
            + orjson.dumps(event("open", "b", mails, 1))[:-1] + b',"n":1e300,"m":12345678901234567890123}\n'
            + orjson.dumps(event("open", "c", mails, 1)) + b"\n"
        )  # fmt: skip
        assert ingest(warehouse, path).inserted == 3
        query = "select raw ->> 'useragent', raw ->> 'back' from event.event where address = 'a@example.com'"
        with warehouse.connect() as connection:
            assert rows(connection, query) == [("ab", "c\\u0000")]

    def test_a_finished_file_is_not_read_again(
        self, warehouse: Engine, mails: dict[str, str], take: Callable[..., IngestReport]
    ) -> None:
        """The second ingest of an unchanged file reads nothing; of a copy under another name adds nothing."""
        take(a_story(mails), "one.ndjson")
        before = end_state(warehouse)
        assert take(a_story(mails), "one.ndjson") == IngestReport()
        assert take(a_story(mails), "two.ndjson") == IngestReport(received=22, duplicates=22, files=1)
        assert end_state(warehouse) == before

    def test_a_growing_file_is_read_on(self, warehouse: Engine, mails: dict[str, str], tmp_path: Path) -> None:
        """What was appended is read from where the last ingest stopped; the lines keep their numbers."""
        path = tmp_path / "growing.ndjson"
        story = a_story(mails)
        path.write_bytes(lines(story[:5]))
        assert ingest(warehouse, path, topics=TOPICS).received == 5
        with path.open("ab") as stream:
            stream.write(lines(story[5:]) + b"broken\n")
        report = ingest(warehouse, path, topics=TOPICS)
        assert (report.received, report.inserted, report.rejected) == (18, 17, 1)
        with warehouse.connect() as connection:
            assert rows(connection, "select line from event.rejected") == [(23,)]

    def test_a_cut_last_line_is_taken_when_it_is_complete(
        self, warehouse: Engine, mails: dict[str, str], tmp_path: Path
    ) -> None:
        """A half-written last line is set aside once, also while it grows, and taken once it is whole."""
        path = tmp_path / "cut.ndjson"
        whole = lines([event("open", "a", mails, 1), event("click", "a", mails, 2)])
        reports = []
        for length in (len(whole) - 60, len(whole) - 60, len(whole) - 30, len(whole) - 1, len(whole)):
            path.write_bytes(whole[:length])
            reports.append(ingest(warehouse, path, topics=TOPICS))
        assert [report.inserted for report in reports] == [1, 0, 0, 1, 0]
        assert [report.received for report in reports] == [2, 0, 1, 1, 0]
        with warehouse.connect() as connection:
            assert rows(connection, "select line, reason from event.rejected") == [(2, "cut_line")]
            assert rows(connection, "select event from event.event order by 1") == [("click",), ("open",)]

    def test_another_file_of_the_same_name_starts_anew(
        self, warehouse: Engine, mails: dict[str, str], take: Callable[..., IngestReport]
    ) -> None:
        """A file that was replaced, also by a longer one, is read from its beginning."""
        take([event("open", "a", mails, 1)], "export.ndjson")
        report = take([event("click", name, mails, 2) for name in "bcd"], "export.ndjson")
        assert report.inserted == 3

    def test_a_damaged_gzip_gives_what_it_holds(
        self, warehouse: Engine, mails: dict[str, str], tmp_path: Path
    ) -> None:
        """The whole lines of a compressed file that ends early are taken, and the damage is named."""
        path = tmp_path / "cut.ndjson.gz"
        story = [event("open", "a", mails, minutes, padding=random.Random(minutes).random()) for minutes in range(3000)]
        packed = gzip.compress(lines(story))
        path.write_bytes(packed[: len(packed) // 2])
        report = ingest(warehouse, path)
        assert 0 < report.inserted < 3000
        with warehouse.connect() as connection:
            named = {reason for (reason,) in rows(connection, "select reason from event.rejected")}
        assert "broken_gzip" in named
        path.write_bytes(packed)
        ingest(warehouse, path)
        with warehouse.connect() as connection:
            assert rows(connection, "select count(*) from event.event") == [(3000,)]

    def test_an_unreadable_path_is_one_readable_line(self, warehouse: Engine, tmp_path: Path) -> None:
        """A path that does not exist is refused with what to give instead."""
        with pytest.raises(EventsError, match=r"nowhere does not exist\. Give an export file or a folder") as refused:
            ingest(warehouse, tmp_path / "nowhere")
        assert "\n" not in str(refused.value)

    def test_events_after_now_are_refused_where_now_is_given(
        self, warehouse: Engine, mails: dict[str, str], tmp_path: Path
    ) -> None:
        """More than two days after `now` is no plausible time."""
        path = tmp_path / "future.ndjson"
        path.write_bytes(lines([event("open", "a", mails, 60 * 47), event("open", "b", mails, 60 * 49)]))
        report = ingest(warehouse, path, now=NOON)
        assert (report.inserted, report.rejected) == (1, 1)
        with warehouse.connect() as connection:
            assert rows(connection, "select reason from event.rejected") == [("timestamp_in_future",)]


class TestSuppression:
    """Whether a customer may be mailed follows from when things happened, not from when we heard of them."""

    LEAVE, RETURN, LEAVE_AGAIN = 10, 20, 30

    @pytest.mark.parametrize(
        ("order", "last"),
        [((0, 1), 2), ((1, 0), 2), *((order, 3) for order in itertools.permutations((0, 1, 2)))],
    )
    def test_leaving_returning_leaving(
        self, warehouse: Engine, mails: dict[str, str], take: Callable[..., IngestReport],
        order: tuple[int, ...], last: int,
    ) -> None:  # fmt: skip
        """Out, in, out again ends suppressed; out, in ends lifted: in whatever order the events arrive."""
        story = [
            event("group_unsubscribe", "a", mails, self.LEAVE, asm_group_id=7),
            event("group_resubscribe", "a", mails, self.RETURN, asm_group_id=7),
            event("lm_unsubscribe", "a", mails, self.LEAVE_AGAIN, lm_topic="reminders", email=...),
        ]
        for place in order:
            take([story[place]])
        lifted_at = at(self.RETURN) if last == 2 else None
        newest = at(self.LEAVE) if last == 2 else at(self.LEAVE_AGAIN)
        assert end_state(warehouse)["suppression"] == [
            ("a@example.com", "topic:reminders", "unsubscribed", at(self.LEAVE), newest, "group_unsubscribe", lifted_at)
        ]

    def test_nothing_the_provider_reports_lifts_all(
        self, warehouse: Engine, mails: dict[str, str], take: Callable[..., IngestReport]
    ) -> None:
        """Resubscribing to a group, known or not, leaves a global unsubscribe in force."""
        take([
            event("unsubscribe", "a", mails, 1),
            event("group_resubscribe", "a", mails, 2, asm_group_id=7),
            event("group_resubscribe", "a", mails, 3, asm_group_id=12345),
        ])  # fmt: skip
        assert [row[-1] for row in end_state(warehouse)["suppression"]] == [None]

    def test_an_operator_lifts_until_the_person_leaves_again(
        self, warehouse: Engine, mails: dict[str, str], take: Callable[..., IngestReport]
    ) -> None:
        """A suppression lifted by hand stays lifted for older news and returns with newer."""
        take([event("unsubscribe", "a", mails, 10)])
        with warehouse.begin() as connection:
            rows(connection, "update event.suppression set lifted_at = :at returning 1", at=at(20))
        take([event("unsubscribe", "a", mails, 15)])
        assert end_state(warehouse)["suppression"][0][-1] == at(20)
        take([event("unsubscribe", "a", mails, 25)])
        assert end_state(warehouse)["suppression"][0][-1] is None

    def test_one_person_leaving_does_not_touch_another(
        self, warehouse: Engine, mails: dict[str, str], take: Callable[..., IngestReport]
    ) -> None:
        """Our unsubscribe page names a message, and only that message's customer is suppressed."""
        take([event("lm_unsubscribe", "c", mails, 1, lm_topic="offers", email=...)])
        assert [row[:3] for row in end_state(warehouse)["suppression"]] == [
            ("c@example.com", "topic:offers", "unsubscribed")
        ]


class TestSettling:
    """An event with a message's id proves that the provider took the mail."""

    @pytest.fixture
    def states(self, warehouse: Engine, mails: dict[str, str]) -> None:
        with warehouse.begin() as connection:
            for who, state in zip(
                "abcdefg",
                ("claimed", "in_doubt", "abandoned", "planned", "rejected", "cancelled", "accepted"),
                strict=True,
            ):
                rows(
                    connection,
                    "update message.message set state = :state, reason = 'as_it_was', settled_at = null,"
                    " accepted_at = case when :state = 'accepted' then accepted_at end"
                    " where customer_id = :who returning 1",
                    state=state,
                    who=who,
                )

    @pytest.mark.parametrize("kind", ["dropped", "lm_unsubscribe", "never_heard_of"])
    @pytest.mark.usefixtures("states")
    def test_any_event_settles_claimed_in_doubt_and_abandoned(
        self, warehouse: Engine, mails: dict[str, str], take: Callable[..., IngestReport], kind: str
    ) -> None:
        """Exactly these three states become accepted, at the time of the earliest event."""
        report = take([event(kind, who, mails, minutes) for who in mails for minutes in (5, 3)])
        assert report.settled == 3
        settled = ("accepted", "settled_by_event", at(3), at(3))
        assert end_state(warehouse)["states"] == [
            ("a", *settled),
            ("b", *settled),
            ("c", *settled),
            ("d", "planned", "as_it_was", None, None),
            ("e", "rejected", "as_it_was", None, None),
            ("f", "cancelled", "as_it_was", None, None),
            ("g", "accepted", "as_it_was", NOON, None),
        ]

    @pytest.mark.parametrize("state", ["planned", "rejected", "cancelled"])
    def test_an_event_settles_what_ended_after_a_request(
        self, warehouse: Engine, mails: dict[str, str], take: Callable[..., IngestReport], state: str
    ) -> None:
        """The mail was planned again by its policy, and ended before a second request: the first one was taken after
        all."""
        with warehouse.begin() as connection:
            rows(
                connection,
                "update message.message set state = :state, reason = 'stale', attempt_id = 1, accepted_at = null"
                " where customer_id = 'a' returning 1", state=state,
            )  # fmt: skip
        assert take([event("delivered", "a", mails, 3)]).settled == 1
        assert end_state(warehouse)["states"][0] == ("a", "accepted", "settled_by_event", at(3), at(3))

    def test_only_events_of_our_mails_say_that_the_provider_s_come(
        self, warehouse: Engine, mails: dict[str, str], take: Callable[..., IngestReport]
    ) -> None:
        """No sign of the provider's feed are a click on our own page, an event of another application of the account,
        and one that lies ahead of the clock."""
        take([event("lm_unsubscribe", "a", mails, 90), event("open", "b", mails, 3)], "one.ndjson")
        take([event("lm_unsubscribe", "c", mails, 99)], "two.ndjson")
        take([event("open", "c", mails, 101, lm_message_id=...)], "three.ndjson")
        take([event("open", "c", mails, 102), event("open", "c", mails, 120)], "four.ndjson", now=at(110))
        with warehouse.connect() as connection:
            newest = rows(connection, "select newest_at from event.batch order by batch_id")
        assert newest == [(at(3),), (None,), (None,), (at(102),)]

    @pytest.mark.usefixtures("states")
    def test_an_earlier_event_that_comes_later_moves_the_time(
        self, warehouse: Engine, mails: dict[str, str], take: Callable[..., IngestReport]
    ) -> None:
        """Acceptance by evidence is dated by the earliest event, in whatever order they arrive; counted once."""
        assert take([event("open", "b", mails, 9)]).settled == 1
        assert take([event("processed", "b", mails, 2)]).settled == 0
        assert end_state(warehouse)["states"][1] == ("b", "accepted", "settled_by_event", at(2), at(2))


CHILD = """
    import sys
    from pathlib import Path
    sys.path[:0] = {path!r}
    {prelude}
    from lifecycle_mail.database import engine
    from lifecycle_mail.events import ingest

    def say(source_name, received, inserted):
        print(received, flush=True)

    ingest(engine({url!r}), Path({file!r}), events_a_step=2000, progress=say)
"""


@pytest.mark.parametrize("steps_before_kill", with_long([1], [3]))
def test_a_kill_in_the_middle_loses_nothing(
    warehouse: Engine, warehouse_url: str, mails: dict[str, str], tmp_path: Path, steps_before_kill: int
) -> None:
    """An ingest killed with SIGKILL between or inside its steps is completed by running it again, once each."""
    path = tmp_path / "large.ndjson"
    total = 60_000
    path.write_bytes(b"".join(
        orjson.dumps(event("deferred", "abcdefg"[number % 7], mails, number / 60, padding="x" * 900)) + b"\n"
        for number in range(total)
    ))  # fmt: skip
    code = textwrap.dedent(CHILD).format(
        path=[entry for entry in sys.path if entry], prelude="", url=warehouse_url, file=str(path)
    )
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    for _ in range(steps_before_kill):
        assert child.stdout.readline()
    child.send_signal(signal.SIGKILL)
    child.wait()
    with warehouse.connect() as connection:
        (before,) = rows(connection, "select count(*) from event.event")[0]
    assert 0 < before < total
    report = ingest(warehouse, path)
    assert report.inserted == total - before
    with warehouse.connect() as connection:
        assert rows(connection, "select count(*), count(distinct sg_event_id) from event.event") == [(total, total)]
        assert rows(connection, "select sum(deferred_count) from event.engagement") == [(total,)]


def test_two_ingests_at_once_count_everything_once(
    warehouse: Engine, warehouse_url: str, mails: dict[str, str], tmp_path: Path
) -> None:
    """A second ingest of the same folder waits for the first and finds nothing left to add."""
    path = tmp_path / "both.ndjson"
    path.write_bytes(lines([event("deferred", "a", mails, number) for number in range(3000)]))
    with ThreadPoolExecutor(2) as pool:
        reports = list(pool.map(lambda _: ingest(warehouse, path, events_a_step=500), range(2)))
    assert sorted(report.inserted for report in reports) == [0, 3000]
    assert sorted(report.received for report in reports) == [0, 3000]
    with warehouse.connect() as connection:
        assert rows(connection, "select deferred_count from event.engagement") == [(3000,)]


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are read in blocks of a few events, so that a small file has many steps."""
    monkeypatch.setattr(export_reader, "BLOCK_BYTES", 4000)


@pytest.mark.usefixtures("small_steps")
def test_a_repeat_in_the_next_step_counts_once(
    warehouse: Engine, mails: dict[str, str], tmp_path: Path
) -> None:
    """Two steps are under way at once: an event of one step that comes again in the next is still a repeat."""
    posted = [event("deferred", "abcdefg"[number % 7], mails, number) for number in range(600)]
    path = tmp_path / "repeats.ndjson"
    path.write_bytes(lines([item for at in range(0, 600, 10) for item in posted[at : at + 10] * 2]))
    report = ingest(warehouse, path, events_a_step=10)
    assert (report.received, report.inserted, report.duplicates) == (1200, 600, 600)
    with warehouse.connect() as connection:
        assert rows(connection, "select count(*) > 50, sum(inserted) from event.batch") == [(True, 600)]
        assert rows(connection, "select sum(deferred_count) from event.engagement") == [(600,)]


@pytest.mark.usefixtures("small_steps")
def test_after_a_step_that_fails_nothing_is_kept(
    warehouse: Engine, mails: dict[str, str], tmp_path: Path
) -> None:
    """The step that runs next to a failing one is given up with it, even if it was ready first. The next ingest takes
    both."""
    path = tmp_path / "some.ndjson"
    path.write_bytes(lines([event("deferred", "a", mails, number) for number in range(600)]))
    with warehouse.begin() as connection:
        connection.execute(sa.text(
            "create function fail() returns trigger language plpgsql as $$ begin"
            " if new.deferred_count > 300 then perform pg_sleep(0.3); raise exception 'disk on fire'; end if;"
            " return new; end $$"
        ))  # fmt: skip
        connection.execute(sa.text(
            "create trigger fail before update on event.engagement for each row execute function fail()"
        ))  # fmt: skip
    with pytest.raises(sa.exc.InternalError, match="disk on fire"):
        ingest(warehouse, path, events_a_step=10)
    with warehouse.begin() as connection:
        ((kept, latest),) = rows(connection, "select count(*), max(sg_event_id) from event.event")
        numbers = {int(float(row[0].split("-")[2])) for row in rows(connection, "select sg_event_id from event.event")}
        assert numbers == set(range(kept)), latest
        assert 250 < kept <= 300
        connection.execute(sa.text("drop trigger fail on event.engagement"))
    assert ingest(warehouse, path).inserted == 600 - kept
    with warehouse.connect() as connection:
        assert rows(connection, "select deferred_count from event.engagement") == [(600,)]


@pytest.mark.usefixtures("small_steps")
def test_a_new_month_between_two_steps(warehouse: Engine, mails: dict[str, str], tmp_path: Path) -> None:
    """Each step of an export may lie in a month without a partition."""
    path = tmp_path / "years.ndjson"
    path.write_bytes(lines([event("deferred", "a", mails, -60 * 24 * number) for number in range(600)]))
    assert ingest(warehouse, path, events_a_step=10).inserted == 600
    with warehouse.connect() as connection:
        assert rows(connection, "select count(distinct tableoid) from event.event") == [(21,)]


@pytest.mark.usefixtures("small_steps")
def test_who_wants_the_table_alone_gets_it_between_steps(
    warehouse: Engine, mails: dict[str, str], tmp_path: Path
) -> None:
    """A lock that excludes all others is requested again and again during an ingest. Neither holds up the other for
    good."""
    path = tmp_path / "some.ndjson"
    path.write_bytes(lines([event("deferred", "a", mails, number) for number in range(2000)]))
    done, turns = threading.Event(), 0
    with ThreadPoolExecutor(1) as pool:
        report = pool.submit(ingest, warehouse, path, events_a_step=10)
        report.add_done_callback(lambda _: done.set())
        while not done.wait(0.005):
            with warehouse.begin() as connection:
                connection.execute(sa.text("lock table event.event in access exclusive mode"))
                turns += 1
    assert report.result().inserted == 2000
    assert turns > 3


def test_nothing_personal_is_logged(
    mails: dict[str, str], take: Callable[..., IngestReport], caplog: pytest.LogCaptureFixture
) -> None:
    """Logs hold counts: no address, also when lines are refused."""
    with caplog.at_level("DEBUG", logger="lifecycle_mail"):
        take([*a_story(mails), {"email": "jane@example.com", "event": "open", "timestamp": "x"}])
    assert "ingested events" in caplog.text
    assert "@" not in caplog.text


def test_months_have_their_partitions(
    warehouse: Engine, mails: dict[str, str], take: Callable[..., IngestReport]
) -> None:
    """Events of any month find their partition made."""
    take([event("open", "a", mails, minutes=60 * 24 * days) for days in (-400, 0, 31)])
    query = "select cast(tableoid as regclass)::text from event.event order by occurred_at"
    with warehouse.connect() as connection:
        assert rows(connection, query) == [
            ("event.event_2025_01",),
            ("event.event_2026_03",),
            ("event.event_2026_04",),
        ]


def test_reading_reports_are_utc(warehouse: Engine, mails: dict[str, str], take: Callable[..., IngestReport]) -> None:
    """An event's second becomes the same instant in the database."""
    take([event("open", "a", mails, 0, timestamp=1_770_000_000)])
    with warehouse.connect() as connection:
        ((occurred_at,),) = rows(connection, "select occurred_at from event.event")
    assert occurred_at == datetime.fromtimestamp(1_770_000_000, UTC)
