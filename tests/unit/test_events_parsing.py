"""What one posted event becomes before it reaches the database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import orjson
import pytest

from lifecycle_mail.events.parsing import (
    EVENT_COLUMNS,
    FACT_COLUMNS,
    Refused,
    Rules,
    no_of_refused,
    plain_json,
    staged,
    without_addresses,
)

MESSAGE_ID = "00000000-0000-0007-1234-56789abcdef0"
RULES = Rules({7: "offers"})


def fields_of(row: bytes) -> list[bytes | None]:
    """The fields of a row as the database reads them: a size, then this many bytes; size -1 is null."""
    fields: list[bytes | None] = []
    while row:
        size = int.from_bytes(row[:4], "big", signed=True)
        fields.append(None if size < 0 else row[4 : 4 + size])
        row = row[4 + max(size, 0) :]
    return fields


def plain(name: str, field: bytes | None) -> object:
    """A field as its column's type shows it."""
    if field is None:
        return None
    if name == "occurred_at":
        return datetime(2000, 1, 1, tzinfo=UTC) + timedelta(microseconds=int.from_bytes(field, "big", signed=True))
    if name in ("link", "agent"):
        return int.from_bytes(field, "big", signed=True)
    if name == "is_scanner":
        return field == b"\x01"
    return str(UUID(bytes=field)) if name == "message_id" else field.decode()


def fact_of(**fields: object) -> dict[str, object]:
    """The columns of what an event means, by name; defaults make it a complete `open`."""
    event = {
        "email": "Jane@Example.com", "event": "open", "timestamp": 1_770_000_000, "sg_event_id": "id-1",
        "lm_message_id": MESSAGE_ID, **fields,
    }  # fmt: skip
    event = {name: value for name, value in event.items() if value is not ...}
    row = fields_of(staged(event, orjson.dumps(event), RULES).fact_row)
    return {name: plain(name, field) for name, field in zip(FACT_COLUMNS, row, strict=True)}


def event_of(event: dict[str, object], raw: bytes) -> dict[str, object]:
    """The columns of an event as it came, by name."""
    row = fields_of(staged(event, raw, RULES).event_row)
    return {name: plain(name, field) for name, field in zip(EVENT_COLUMNS, row, strict=True)}


@pytest.mark.parametrize(
    ("fields", "fact"),
    [
        ({"event": "open"}, None),
        ({"event": "open", "sg_machine_open": True}, "machine_open"),
        ({"event": "bounce", "type": "bounce"}, "bounced_hard"),
        ({"event": "bounce", "type": "blocked"}, "bounced_soft"),
        ({"event": "click"}, None),
        ({"event": "spamreport"}, None),
    ],
)
def test_an_event_carries_what_its_kind_leaves_open(fields: dict[str, object], fact: str | None) -> None:
    """Readers of events ask this column, and no field of the provider's."""
    event = {"timestamp": 1_770_000_000, "sg_event_id": "id-1", **fields}
    assert event_of(event, orjson.dumps(event))["fact"] == fact


def test_an_event_keeps_its_ids_and_its_address_is_lower_case() -> None:
    """The identity, second, kind, message and address of an event go into the database as they were posted."""
    event: dict[str, object] = {
        "email": "Jane@Example.com", "event": "open", "timestamp": 1_770_000_000, "sg_event_id": "id-1",
        "lm_message_id": MESSAGE_ID,
    }  # fmt: skip
    raw = orjson.dumps(event)
    assert event_of(event, raw) == {
        "sg_event_id": "id-1",
        "occurred_at": datetime(2026, 2, 2, 2, 40, tzinfo=UTC),
        "message_id": MESSAGE_ID,
        "fact": None,
        "event": "open",
        "address": "jane@example.com",
        "raw": raw.decode(),
    }


def test_a_step_of_a_mails_life_is_staged_without_what_no_fold_asks_for() -> None:
    """An event that ends no permission is staged with only identity, second, message and fact; other events are staged
    whole."""
    known = {"sg_event_id": "id-1", "occurred_at": datetime(2026, 2, 2, 2, 40, tzinfo=UTC), "message_id": MESSAGE_ID}
    nothing = dict.fromkeys(("event", "address", "scope", "suppression", "reason"))
    neither = dict.fromkeys(("request_id", "link", "agent", "is_scanner"))
    assert fact_of(sg_message_id="abc.def-1") == {**known, "fact": "open", **nothing, **neither}
    assert fact_of(event="spamreport") == {
        **known, "fact": "complaint", "event": "spamreport", "address": "jane@example.com", "scope": "all",
        "suppression": "complaint", "reason": None, **neither,
    }  # fmt: skip


def test_an_event_without_our_ids_is_staged_with_what_finds_its_mail() -> None:
    """Its mailbox, and the request that sg_message_id begins with. An id that is not ours names another system's mail,
    and an event with it is left alone."""
    wanted = ("message_id", "fact", "address", "request_id")
    bounce = {"event": "bounce", "type": "bounce", "lm_message_id": ..., "email": "Jane@Bücher.example"}
    named = fact_of(**bounce, sg_message_id="14c5d75ce93.filter0905p1mdw1-4434-59E0C6FF-3.0")
    assert [named[name] for name in wanted] == [None, "bounced_hard", "jane@xn--bcher-kva.example", "14c5d75ce93"]
    assert fact_of(**bounce)["request_id"] is None
    for kind in ("processed", "delivered", "deferred", "open", "click"):
        lost = fact_of(event=kind, lm_message_id=..., sg_message_id="14c5d75ce93.x-1.0")
        assert [lost[name] for name in wanted] == [None, kind, "jane@example.com", "14c5d75ce93"]
    foreign = fact_of(event="delivered", lm_message_id="order-77", sg_message_id="14c5d75ce93.x-1.0")
    assert (foreign["message_id"], foreign["request_id"]) == (None, None)


def test_a_click_is_staged_with_hashes_of_its_link_and_agent() -> None:
    """Clicks of one mail are told apart without keeping links or agents. md5("") begins with d41d8cd98f00b204."""
    bare = fact_of(event="click")
    assert (bare["link"], bare["agent"], bare["is_scanner"]) == (0xD41D8CD98F00B204 - 2**64,) * 2 + (False,)
    browser, other = (fact_of(event="click", url="https://example.com/a", useragent=agent) for agent in ("A", "B"))
    assert (browser["link"], browser["agent"] != other["agent"]) == (other["link"], True)
    assert fact_of(event="click", url="https://example.com/b")["link"] != browser["link"]
    assert fact_of(event="click", url=7, useragent=["x"])["link"] == bare["link"]


@pytest.mark.parametrize(
    ("agent", "known"),
    [
        ("Mozilla/5.0 (compatible; Barracuda Sentinel)", True),
        ("MIMECAST/1.0", True),
        ("python-requests/2.32", True),
        ("Mozilla/5.0 (X11; Linux x86_64) HeadlessChrome/140.0.0.0 Safari/537.36", True),
        ("Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", True),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148", False),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/156.0.0.0 Safari/537.36", False),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 15_1) Gecko/20100101 Firefox/140.0", False),
        ("", False),
    ],
)
def test_known_scanners_are_told_by_their_agent(agent: str, known: bool) -> None:
    """The kept list knows gateways, previews and HTTP libraries, and none of the browsers that people use."""
    assert fact_of(event="click", useragent=agent)["is_scanner"] is known


@pytest.mark.parametrize(
    ("fields", "fact", "scope", "suppression"),
    [
        ({"event": "processed"}, "processed", None, None),
        ({"event": "open", "sg_machine_open": True}, "machine_open", None, None),
        ({"event": "open", "sg_machine_open": False}, "open", None, None),
        ({"event": "click", "url": "https://example.com"}, "click", None, None),
        ({"event": "bounce", "type": "bounce"}, "bounced_hard", "all", "hard_bounce"),
        ({"event": "bounce"}, "bounced_hard", "all", "hard_bounce"),
        ({"event": "bounce", "type": "blocked"}, "bounced_soft", None, None),
        ({"event": "bounce", "type": "expired"}, "bounced_soft", None, None),
        ({"event": "dropped", "reason": "Bounced Address"}, "dropped", "all", "dropped"),
        ({"event": "dropped", "reason": "Unsubscribed Address"}, "dropped", "all", "unsubscribed"),
        (
            {"event": "dropped", "reason": "Unsubscribed Address", "asm_group_id": 7},
            "dropped", "topic:offers", "unsubscribed",
        ),
        ({"event": "dropped", "reason": "Bounced Address", "asm_group_id": 7}, "dropped", "all", "dropped"),
        ({"event": "dropped", "reason": "Spam Reporting Address"}, "dropped", "all", "dropped"),
        ({"event": "dropped", "reason": "Invalid"}, "dropped", "all", "dropped"),
        ({"event": "dropped", "reason": "Invalid SMTPAPI header"}, "dropped", None, None),
        ({"event": "dropped", "reason": "Spam Content"}, "dropped", None, None),
        ({"event": "spamreport"}, "complaint", "all", "complaint"),
        ({"event": "unsubscribe"}, "unsubscribe", "all", "unsubscribed"),
        ({"event": "group_unsubscribe", "asm_group_id": 7}, "unsubscribe", "topic:offers", "unsubscribed"),
        ({"event": "group_unsubscribe", "asm_group_id": "7"}, "unsubscribe", "topic:offers", "unsubscribed"),
        ({"event": "group_unsubscribe", "asm_group_id": 99}, "unsubscribe", "group:99", "unsubscribed"),
        ({"event": "group_resubscribe", "asm_group_id": 7}, "resubscribe", "topic:offers", None),
        ({"event": "lm_unsubscribe", "lm_topic": "reminders"}, "unsubscribe", "topic:reminders", "unsubscribed"),
        ({"event": "lm_unsubscribe", "lm_topic": "all"}, "unsubscribe", "all", "unsubscribed"),
        ({"event": "lm_unsubscribe"}, "unsubscribe", "all", "unsubscribed"),
        ({"event": "account_status_change"}, None, None, None),
    ],
)
def test_what_an_event_means(
    fields: dict[str, object], fact: str | None, scope: str | None, suppression: str | None
) -> None:
    """Every kind has its fact, and those that end a permission say how far and why."""
    row = fact_of(**fields)
    assert (row["fact"], row["scope"], row["suppression"]) == (fact, scope, suppression)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"event": ...}, "event_missing"),
        ({"event": " "}, "event_missing"),
        ({"event": 5}, "event_missing"),
        ({"event": "x" * 101}, "event_too_long"),
        ({"timestamp": ...}, "timestamp_not_a_number"),
        ({"timestamp": "yesterday"}, "timestamp_not_a_number"),
        ({"timestamp": True}, "timestamp_not_a_number"),
        ({"timestamp": [1]}, "timestamp_not_a_number"),
        ({"timestamp": 5}, "timestamp_too_early"),
        ({"timestamp": -(10**30)}, "timestamp_too_early"),
        ({"timestamp": 5_000_000_000}, "timestamp_in_future"),
        ({"timestamp": 5_000_000_000_000}, "timestamp_in_future"),
        ({"timestamp": float("inf")}, "timestamp_not_a_number"),
        ({"timestamp": "2026-02-02T02:40:00"}, "timestamp_not_a_number"),  # of no zone
        ({"email": 5}, "email_not_text"),
        ({"email": ["a"]}, "email_not_text"),
        ({"email": "a" * 321}, "email_too_long"),
    ],
)
def test_what_cannot_be_taken_has_a_name(fields: dict[str, object], reason: str) -> None:
    """An event is refused by a named reason if a field that the ledger stands on is missing or has the wrong type."""
    event = {"email": "a@example.com", "event": "open", "timestamp": 1_770_000_000, **fields}
    event = {name: value for name, value in event.items() if value is not ...}
    with pytest.raises(Refused) as refused:
        staged(event, b"{}", RULES)
    assert refused.value.reason == reason
    assert "@" not in refused.value.detail


@pytest.mark.parametrize(
    ("depth", "fields"),
    [
        (260, b'"event":"open"'),
        (260, b'"sg_event_id":"a","event":"open","back":"\\u0000"'),
        (1000, b'"sg_event_id":"a","event":"open","back":"\\u0000"'),
        (1000, b'"sg_event_id":"a","event":"dropped"'),
    ],
)  # fmt: skip
def test_what_is_nested_deeper_than_it_can_be_written_has_a_name(depth: int, fields: bytes) -> None:
    """Such nesting can be read, but cannot be written again: as an identity, without NUL, or as a reason. The event is
    refused like any other."""
    name = b'"reason"' if b"dropped" in fields else b'"url"'
    raw = b'{"timestamp":1770000000,' + fields + b"," + name + b":" + b"[" * depth + b"]" * depth + b"}"
    with pytest.raises(Refused) as refused:
        staged(orjson.loads(raw), raw, RULES)
    assert refused.value.reason == "nested_too_deeply"


def test_a_group_of_too_many_digits_is_no_group_we_know() -> None:
    """Such an opt-out counts for everything, as that of any other unknown group."""
    assert fact_of(event="group_unsubscribe", asm_group_id="7" * 5_000)["scope"] == "all"
    assert fact_of(event="group_unsubscribe", asm_group_id="7")["scope"] == "topic:offers"


def test_without_an_id_equal_events_have_one_identity_and_others_another() -> None:
    """If sg_event_id is absent or unusable, a hash of the content that distinguishes events takes its place."""
    first = fact_of(sg_event_id=...)["sg_event_id"]
    assert str(first).startswith("hash:")
    assert first == fact_of(sg_event_id=...)["sg_event_id"]
    others = {
        fact_of(sg_event_id=..., **change)["sg_event_id"]
        for change in (
            {"timestamp": 1_770_000_001},
            {"event": "click"},
            {"event": "click", "url": "https://example.com/a"},
            {"email": "joe@example.com"},
            {"sg_message_id": "m.2"},
            {"lm_message_id": MESSAGE_ID[:-1] + "1"},
        )
    }
    assert len(others | {first}) == 7


@pytest.mark.parametrize("identity", ["", 5, None, {"a": 1}, "x" * 201, "a\x00b"])
def test_an_unusable_id_is_replaced_by_a_hash(identity: object) -> None:
    """An id of the wrong type, empty, overlong or with a NUL never reaches the unique key."""
    assert str(fact_of(sg_event_id=identity)["sg_event_id"]).startswith("hash:")


@pytest.mark.parametrize(
    "value", ["garbage", 5, None, "", MESSAGE_ID + "0", "g" + MESSAGE_ID[1:], " " * 32, "٣" * 32, "' or 1=1 --", ["x"]]
)
def test_a_garbage_message_id_leaves_the_event_without_message(value: object) -> None:
    """An lm_message_id that is no UUID is kept in the raw event only."""
    assert fact_of(lm_message_id=value)["message_id"] is None


def test_no_text_breaks_a_row() -> None:
    """Tabs, line ends and backslashes in texts stay what they are; NUL, which no text can hold, is left out."""
    event: dict[str, object] = {
        "event": "a\tb\\c\nd\x00", "timestamp": 1_770_000_000, "email": "x\\y\tz\x00é@example.com",
    }  # fmt: skip
    row = event_of(event, orjson.dumps(event))
    assert (row["event"], row["address"]) == ("a\tb\\c\nd", "x\\y\tzé@example.com")


def test_the_event_itself_is_kept_as_it_was_posted() -> None:
    """The last column of an event's own row is its JSON text, byte for byte."""
    raw = b'{"event": "open",  "timestamp": 1770000000, "url": "a\\nb", "deep": {"x": 1.50}}'
    assert event_of(orjson.loads(raw), raw)["raw"] == raw.decode()


@pytest.mark.parametrize("value", [MESSAGE_ID.upper(), MESSAGE_ID.replace("-", "")])
def test_an_id_is_the_same_in_any_spelling(value: str) -> None:
    """Capitals, and hyphens left out by a tool in between, name the same message."""
    assert fact_of(lm_message_id=value)["message_id"] == MESSAGE_ID


def test_addresses_are_removed_from_reasons() -> None:
    """What a mailbox answered is kept, without the addresses it repeats."""
    answer = "550 5.1.1 <jane.doe+x@mail.example.com>: user unknown (joe@example.com)"
    assert without_addresses(answer) == "550 5.1.1 <[address]>: user unknown ([address])"
    assert fact_of(event="bounce", type="bounce", reason=answer)["reason"] == without_addresses(answer)


def test_plain_json_drops_what_no_text_can_hold() -> None:
    """NUL characters, in values and in names, are left out."""
    assert orjson.loads(plain_json({"a\x00": ["b\x00c", {"d": "\x00"}], "n": 1})) == {"a": ["bc", {"d": ""}], "n": 1}


@pytest.mark.parametrize(
    "told",
    [
        "1770000000", " 1770000000 ", "1770000000.0", 1_770_000_000.7, 1_770_000_000_123, "1770000000123",
        1_770_000_000_123_456, 1_770_000_000_123_456_789, "2026-02-02T02:40:00Z", "2026-02-02 02:40:00 UTC",
        "2026-02-02T03:40:00.250+01:00",
    ],
)  # fmt: skip
def test_a_timestamp_in_another_form_counts(told: object) -> None:
    """A tool in between wrote the number in another form: the event still is evidence, and still is the same event."""
    assert fact_of(timestamp=told)["occurred_at"] == fact_of()["occurred_at"]
    assert fact_of(timestamp=told, sg_event_id=...)["sg_event_id"] == fact_of(sg_event_id=...)["sg_event_id"]


@pytest.mark.parametrize(
    ("fields", "other"),
    [
        ({"event": "group_unsubscribe", "asm_group_id": 7}, {"event": " Group_Unsubscribe", "asm_group_id": 7.0}),
        ({"event": "group_resubscribe", "asm_group_id": 7}, {"event": "group_resubscribe", "asm_group_id": " 7.0"}),
        ({"event": "group_unsubscribe", "asm_group_id": 8}, {"event": "group_unsubscribe", "asm_group_id": 8.0}),
        ({"event": "bounce", "type": "bounce"}, {"event": "Bounce", "type": "Bounce "}),
        ({"event": "bounce", "type": "blocked"}, {"event": "bounce", "type": "Blocked"}),
        ({"event": "bounce"}, {"event": "bounce", "type": ""}),
        ({"event": "open", "sg_machine_open": True}, {"event": "OPEN", "sg_machine_open": "True"}),
        ({"event": "open", "sg_machine_open": False}, {"event": "open", "sg_machine_open": "False"}),
        ({"event": "spamreport"}, {"event": "spamreport", "email": "Jane D. <jane@example.com>"}),
        ({"event": "spamreport"}, {"event": "spamreport", "email": "mailto:Jane@example.com"}),
        ({"event": "deferred", "attempt": "2"}, {"event": "deferred", "attempt": 2}),
    ],
)
def test_a_word_in_another_form_means_the_same(fields: dict[str, object], other: dict[str, object]) -> None:
    """Case, blanks, a float of a table with empty fields, a display name: what a tool made of a value changes nothing.
    A group of another form would otherwise end all mail, and its resubscription would end nothing."""
    assert fact_of(**other) == fact_of(**fields)


def test_a_tool_s_word_for_no_id_is_none() -> None:
    """Two events with such a word in place of an id are two. Blanks around an id are no part of it."""
    for identity in (" ", "null", "None", "NaN", "undefined"):
        assert str(fact_of(sg_event_id=identity)["sg_event_id"]).startswith("hash:")
    assert fact_of(sg_event_id=" id-1 ")["sg_event_id"] == "id-1"


def no_of(**fields: object) -> tuple[object, ...] | None:
    event = {"email": "Jane@Example.com", "event": "spamreport", "timestamp": "soon", "sg_event_id": "id-1", **fields}
    event = {name: value for name, value in event.items() if value is not ...}
    found = no_of_refused(event, orjson.dumps(event), RULES_AT_NOON)
    if found is None:
        return None
    row = dict(zip(FACT_COLUMNS, fields_of(found.fact_row), strict=True))
    return tuple(plain(name, row[name]) for name in ("occurred_at", "message_id", "address", "scope", "suppression"))


RULES_AT_NOON = Rules({7: "offers"}, latest_epoch=1_770_100_000, ingest_epoch=1_770_000_000)
AT_INGEST = datetime(2026, 2, 2, 2, 40, tzinfo=UTC)


def test_a_no_counts_although_its_event_is_refused() -> None:
    """Without a readable time it was said at the ingest, without a readable address it is about the mail it names. What
    is no word against mail, or about no known mailbox or mail, stays refused."""
    jane = "jane@example.com"
    assert no_of() == no_of(timestamp=...) == (AT_INGEST, None, jane, "all", "complaint")
    assert no_of(timestamp=1_990_000_000) == (AT_INGEST, None, jane, "all", "complaint")
    assert no_of(event="group_unsubscribe", asm_group_id=7) == (AT_INGEST, None, jane, "topic:offers", "unsubscribed")
    assert no_of(event="bounce") == (AT_INGEST, None, jane, "all", "hard_bounce")
    named = {"lm_message_id": MESSAGE_ID, "email": ["x"]}
    assert no_of(**named) == (AT_INGEST, MESSAGE_ID, None, "all", "complaint")
    at_its_time = no_of(**named, timestamp=1_770_000_060)
    assert at_its_time == (AT_INGEST + timedelta(minutes=1), MESSAGE_ID, None, "all", "complaint")
    assert no_of(email=5) is None
    for kind in ("open", "delivered", "group_resubscribe", "future", 5, ""):
        assert no_of(event=kind) is None
    assert no_of(event="bounce", type="blocked") is None
