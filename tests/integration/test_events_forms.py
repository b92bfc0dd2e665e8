"""What comes out of queues, logs and folders: read what can be read, name the rest, and say when it is too much."""

from __future__ import annotations

import base64
import bz2
import gzip
import io
import os
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy.engine import Engine
from typer.testing import CliRunner

import builders
from builders import NOON, rows
from lifecycle_mail.command_line import app
from lifecycle_mail.events import ingest, scrub_files
from lifecycle_mail.events.erasing import mention_of, scrubbed_line
from lifecycle_mail.events.health import event_alarms, list_alarms
from lifecycle_mail.intake import Limits

HOUR = timedelta(hours=1)
DEFAULT = Limits()


def event(name: str, **fields: Any) -> dict[str, Any]:
    at = int(NOON.timestamp())
    return {"email": f"{name}@example.com", "timestamp": at, "event": "open", "sg_event_id": name, **fields}


def text(*names: str, between: str = "") -> bytes:
    return between.join(orjson.dumps(event(name)).decode() for name in names).encode()


def inside(key: str, value: Any) -> bytes:
    return orjson.dumps({"eventSource": "queue", key: value})


def written(value: Any) -> str:
    return orjson.dumps(value).decode()


SNS = {"Type": "Notification", "Subject": "SendGrid", "Message": written([event("sns-a"), event("sns-b")])}
LOGS = {
    "messageType": "DATA_MESSAGE", "logGroup": "g",
    "logEvents": [{"id": "1", "timestamp": 1, "message": written(event("logs-a"))}, {"id": "2", "message": "started"}],
}  # fmt: skip
def base64_of(content: bytes) -> str:
    return base64.b64encode(content).decode()


def kinesis(*parts: bytes) -> bytes:
    return inside("Records", [{"kinesis": {"data": base64_of(part)}} for part in parts])


ENCODED_FORMS: dict[str, bytes] = {
    "kinesis.ndjson": kinesis(text("kinesis-a"), text("kinesis-b", "kinesis-c")) + b"\n",
    "firehose.json": inside("records", [{"recordId": "1", "data": base64_of(text("firehose-a") + b"\n")}]),
    "subscription": inside("awslogs", {"data": base64_of(gzip.compress(inside("logEvents", [
        {"message": written(event("awslogs-a"))}, {"message": written(event("awslogs-b"))}
    ])))}),
    "pushed.json": inside("message", {"data": base64_of(written([event("pushed-a")]).encode()), "messageId": "1"}),
    "pulled.json": inside("receivedMessages", [{"message": {"data": base64_of(text("pulled-a"))}}]),
    "received.json": inside("Messages", [{"Body": written(event("received-a"))}]),
    "gateway.ndjson": orjson.dumps(
        {"isBase64Encoded": True, "body": base64_of(written([event("gateway-a")]).encode())}
    ),
    "texts.json": orjson.dumps([written(event("texts-a")), written([event("texts-b")])]),
    "text-lines": b"\n".join(orjson.dumps(written(event(name))) for name in ("quoted-a", "quoted-b")),
    "wrapped": inside("data", [event("wrapped-a")]) + inside("data", written(event("wrapped-b"))),
    "shell.ndjson": (text("shell-a") + b"\r\n" + text("shell-b") + b"\r\n").decode().encode("utf-16"),
    "shell.gz": gzip.compress(text("shell-c").decode().encode("utf-16-be")),
    "list.ndjson": orjson.dumps([event("list-a"), event("list-b")], option=orjson.OPT_INDENT_2),
    "lists.json": orjson.dumps([event("lists-a")], option=orjson.OPT_INDENT_2) * 2
    + orjson.dumps([event("lists-b")], option=orjson.OPT_INDENT_2)[:-20],
}  # fmt: skip
ENCODED_TAKEN = {
    "kinesis-a", "kinesis-b", "kinesis-c", "firehose-a", "awslogs-a", "awslogs-b", "pushed-a", "pulled-a", "received-a",
    "gateway-a", "texts-a", "texts-b", "quoted-a", "quoted-b", "wrapped-a", "wrapped-b", "shell-a", "shell-b",
    "shell-c", "list-a", "list-b", "lists-a",
}  # fmt: skip
FORMS: dict[str, bytes] = {
    "firehose-1-2026-03-02-12-00-00-0001": text("joined-a", "joined-b", "joined-c"),
    "firehose.2026-03-02.17": text("dated"),
    "arrays.ndjson": text("array-a", "array-b", between=",").join((b"[", b"]")) + b"[" + text("array-c") + b"]",
    "records.ndjson": inside("Records", [{"body": written(event("sqs-a"))}, {"Sns": SNS}]) + b"\n",
    "events.json": orjson.dumps({"events": [event("events-a"), event("events-b")]}, option=orjson.OPT_INDENT_2),
    "pretty": orjson.dumps(event("pretty-a"), option=orjson.OPT_INDENT_2) * 2
    + orjson.dumps({"records": [event("pretty-b")]}, option=orjson.OPT_INDENT_2),
    "logstash.jsonl": inside("message", event("logstash-a")) + b"\n" + inside("message", written(event("logstash-b"))),
    "bridge.ndjson": inside("detail", {"events": [event("bridge-a")]}) + b"\n",
    "logs.ndjson": orjson.dumps(LOGS) + b"\n",
    "packed": gzip.compress(text("packed-a", "packed-b")),
    "packed.ndjson.gz": gzip.compress(text("zipped-a") + b"\n"),
    "plain.json.gz": text("not-packed"),
    "own.ndjson": orjson.dumps(event("own", message={"event": "click", "sg_event_id": "never"}, body="text")) + b"\n",
    "mixed": text("mixed-a") + b'{"event":"open",oops}' + text("mixed-b") + b"gar{bage " + text("mixed-c") + b'{"ev',
    "notes.txt": b"read me", "picture.png": b"\x89PNG", ".hidden.ndjson": text("hidden"),
}  # fmt: skip
TAKEN = {
    "joined-a", "joined-b", "joined-c", "dated", "array-a", "array-b", "array-c", "sqs-a", "sns-a", "sns-b", "events-a",
    "events-b", "pretty-a", "pretty-b", "logstash-a", "logstash-b", "bridge-a", "logs-a", "packed-a", "packed-b",
    "zipped-a", "not-packed", "own", "mixed-a", "mixed-b", "mixed-c",
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "exports"
    found.mkdir()
    for name, content in FORMS.items():
        (found / name).write_bytes(content)
    os.mkfifo(found / "pipe.ndjson")
    return found


def taken(warehouse: Engine) -> set[str]:
    with warehouse.connect() as connection:
        return {one for (one,) in rows(connection, "select sg_event_id from event.event")}


def test_every_form_is_read_and_the_rest_is_named(warehouse: Engine, folder: Path) -> None:
    """Joined objects, arrays, envelopes of queues and logs, gzip by whatever name: all events are taken once. What
    cannot be read is set aside with file, line, place and reason, and each file that was left out has its reason."""
    report = ingest(warehouse, folder)
    assert taken(warehouse) == TAKEN
    with warehouse.connect() as connection:
        place = "substring(detail from 'at byte (.*) of it')"
        aside = rows(connection, f"select source_name, line, reason, {place} from event.rejected")  # noqa: S608
    size = len(text("mixed-a"))
    assert set(aside) == {
        ("logs.ndjson", 1, "envelope_not_json", None),
        ("mixed", 1, "broken_json", f"{size}"),
        ("mixed", 1, "broken_json", f"{2 * size + 21}"),
        ("mixed", 1, "cut_line", f"{3 * size + 30}"),
    }
    assert report.skipped == {
        "notes.txt": "other_ending", "picture.png": "other_ending", "pipe.ndjson": "not_a_regular_file",
    }  # fmt: skip
    assert report.rows()[-6:] == [
        ("refused: broken_json", 2), ("refused: cut_line", 1), ("refused: envelope_not_json", 1),
        ("skipped: notes.txt (other_ending)", 1), ("skipped: picture.png (other_ending)", 1),
        ("skipped: pipe.ndjson (not_a_regular_file)", 1),
    ]  # fmt: skip
    assert (report.inserted, report.rejected, report.is_unreadable) == (len(TAKEN), 4, False)
    assert report.alarms(Limits()) == [
        "logs.ndjson: 1 of 2 rows were refused (envelope_not_json 1), more than 5 percent",
        "mixed: 2 of 6 rows were refused (broken_json 2), more than 5 percent",
        "pipe.ndjson: not read (not_a_regular_file)",
    ]
    assert report.alarms(Limits(refused_percent=60)) == ["pipe.ndjson: not read (not_a_regular_file)"]
    again = ingest(warehouse, folder)
    assert (again.received, again.inserted, again.is_unreadable) == (0, 0, False)


def test_a_joined_file_that_grows_is_read_on(warehouse: Engine, tmp_path: Path) -> None:
    """A file of joined objects without a line end is cut inside one: the whole ones are taken, and the rest when it is
    complete."""
    path = tmp_path / "firehose"
    whole = text("a", "b", "c")
    path.write_bytes(whole[:-20])
    assert ingest(warehouse, path).inserted == 2
    path.write_bytes(whole)
    report = ingest(warehouse, path)
    assert (report.received, report.inserted) == (1, 1)
    assert taken(warehouse) == {"a", "b", "c"}


def test_an_envelope_that_is_too_deep_stops_nothing(warehouse: Engine, tmp_path: Path) -> None:
    """More envelopes than any queue makes are set aside, and so is a message that is no event."""
    deep: Any = event("deep")
    for _ in range(8):
        deep = {"Records": [deep]}
    path = tmp_path / "export.ndjson"
    path.write_bytes(orjson.dumps(deep) + b"\n" + inside("Records", [{"s3": {}}]) + b"\n" + text("good") + b"\n")
    ingest(warehouse, path)
    assert taken(warehouse) == {"good"}
    with warehouse.connect() as connection:
        found = rows(connection, "select line, reason from event.rejected order by line")
    assert found == [(1, "envelope_too_deep"), (2, "event_missing")]


def test_an_unreadable_file_does_not_keep_others_out(
    warehouse: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that cannot be opened is named, and the next one is taken."""
    opened = Path.open

    def refuse(self: Path, *given: Any, **named: Any) -> Any:
        if self.name == "a.ndjson":
            raise PermissionError(13, "Permission denied")
        return opened(self, *given, **named)

    for name in ("a", "b"):
        (tmp_path / f"{name}.ndjson").write_bytes(text(name) + b"\n")
    monkeypatch.setattr(Path, "open", refuse)
    report = ingest(warehouse, tmp_path)
    assert taken(warehouse) == {"b"}
    assert report.skipped == {"a.ndjson": "Permission denied"}
    assert report.alarms(Limits()) == ["a.ndjson: not read (Permission denied)"]


@pytest.mark.parametrize(
    ("files", "status", "said"),
    [
        ({"export.ndjson": b"<html>no events</html>\n"}, 1, "nothing could be read: export.ndjson"),
        ({"notes.txt": text("a")}, 1, "nothing could be read: notes.txt (other_ending)"),
        ({"export.ndjson": text("a") + b"\nbroken\n"}, 0, "refused: broken_json"),
        ({"export.ndjson": text("a"), "notes.txt": b"x"}, 0, "skipped: notes.txt (other_ending)"),
        ({}, 0, "received"),
    ],
)
def test_the_command_ends_with_1_where_nothing_could_be_read(
    warehouse: Engine, warehouse_url: str, tmp_path: Path, files: dict[str, bytes], status: int, said: str
) -> None:
    """The table names each reason. If there was something to read and all of it was refused, the command fails. A
    second run, which finds nothing new, does not fail if something was taken before."""
    folder = tmp_path / "exports"
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    environment = {"LIFECYCLE_DATABASE_URL": warehouse_url}
    for _ in range(1 if status else 2):
        result = CliRunner().invoke(app, ["events", "ingest", str(folder)], env=environment)
        shown = f"{result.output} {result.exception}"
        assert (1 if result.exception else 0) == status, shown
        if not _:
            assert said in shown


def test_a_silent_feed_and_missing_hours_are_named(warehouse: Engine) -> None:
    """The newest event is older than the limit while mails were accepted since; or the mails of two hours have no
    event, though others have. A quiet night, and mails of the last hour, are no alarm."""
    now = NOON + timedelta(minutes=30)
    with warehouse.begin() as connection:
        load_id = builders.load(connection)
        builders.campaign(connection)
        builders.insert(connection, "event.batch", source_name="x", newest_at=NOON - 5 * HOUR)
        builders.customer(connection, "a", load_id=load_id)

    def accept(hours: float, mails: int, heard: bool = False) -> None:
        with warehouse.begin() as connection:
            for number in range(mails):
                at = NOON + hours * HOUR + timedelta(seconds=number)
                enrollment = builders.enrollment(connection, "cart_abandoned", "a", enrolled_at=at)
                message_id = builders.message(connection, enrollment, "cart_abandoned", "a", planned_at=at)
                if heard:
                    builders.insert(
                        connection, "event.engagement",
                        enrollment_id=enrollment, step="reminder", message_id=message_id, campaign="cart_abandoned",
                        customer_id="a", first_event_at=at, batch_id=1,
                    )  # fmt: skip

    def alarms(limits: Limits = DEFAULT) -> list[str]:
        return [one.split(":")[1].split(",")[0].strip() for one in event_alarms(warehouse, now, limits)]

    accept(-6, 5)
    accept(0, 5)
    assert alarms() == []
    accept(-1, 1)
    assert alarms() == ["the newest one is of 2026-03-02 07"]
    with warehouse.begin() as connection:  # an event from tomorrow says nothing of today
        builders.insert(connection, "event.batch", source_name="x", newest_at=NOON + 20 * HOUR)
    assert alarms() == ["the newest one is of 2026-03-02 07"]
    assert alarms(Limits(silent_hours=6)) == alarms(Limits(silent_hours=0)) == []
    accept(-8, 4)
    accept(-9, 5, heard=True)
    assert alarms(Limits(silent_hours=6)) == []
    accept(-10, 5)
    assert alarms(Limits(silent_hours=6)) == ["of the mails of 2 hours of the last day none has an event"]
    assert alarms(Limits(silent_hours=6, missing_periods=3)) == []


def test_a_list_that_was_not_read_for_two_days_is_named(warehouse: Engine) -> None:
    """A sync says which of the provider's lists lags behind, by the moment up to which it was read."""
    with warehouse.begin() as connection:
        for name, hours in (("bounces", 49), ("groups", 47)):
            builders.insert(
                connection, "event.sync_progress",
                list_name=name, covered_until=NOON - hours * HOUR, synced_at=NOON,
            )  # fmt: skip
        found = list_alarms(connection, NOON, DEFAULT)
        assert found == ["suppressions: the list bounces was read up to 2026-02-28 11:00 UTC only"]
        assert len(list_alarms(connection, NOON, Limits(missing_periods=1))) == 2
        assert list_alarms(connection, NOON, Limits(missing_periods=0)) == []


def test_an_erasure_reaches_into_envelopes_and_joined_objects(warehouse: Engine, tmp_path: Path) -> None:
    """Of the person nothing stays in a file of any form. The events of others stay as they are and are still read."""
    jane, joe = event("jane"), event("joe")
    sns = {"Sns": {"Message": written([jane, joe]), "To": jane["email"]}}
    forms = {
        "joined": orjson.dumps(jane) + orjson.dumps(joe),
        "envelope.ndjson": inside("Records", [jane, joe, sns]),
        "pretty": orjson.dumps({"events": [joe, jane]}, option=orjson.OPT_INDENT_2),
        "broken": orjson.dumps(joe) + b'{"email":"jane@example.com",oops}' + orjson.dumps(jane),
    }  # fmt: skip
    for name, content in forms.items():
        (tmp_path / name).write_bytes(content)
    with warehouse.begin() as connection:
        assert scrub_files(connection, tmp_path, "jane@example.com").files == len(forms)
    for name, content in forms.items():
        left = (tmp_path / name).read_bytes()
        assert len(left) == len(content)
        assert b"jane@" not in left
        assert left.count(b"joe@example.com") == content.count(b"joe@example.com")
    ingest(warehouse, tmp_path)
    assert taken(warehouse) == {"jane", "joe"}


def test_other_lines_with_an_escape_are_untouched() -> None:
    """An envelope that is not about the person keeps every byte."""
    line = inside("message", written(event("joe", reason='said "no"\n'))) + b"\r\n"
    assert scrubbed_line(line, mention_of("jane@example.com")) == line


def zipped(content: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr("events.ndjson", content)
    return packed.getvalue()


def test_what_queues_encode_is_read_and_other_packing_is_named(warehouse: Engine, tmp_path: Path) -> None:
    """Base64 in the places where queues have it, texts in lists, UTF-16 of a shell, indented lists, half-written too. A
    zip is named, whatever it is called, and so is what is damaged: its text is not kept where no search finds people.
    """
    bomb = base64_of(gzip.compress(b" " * (1 << 25)))
    other = {
        "a.zip": zipped(text("never")), "b.json": zipped(text("never")), "c": bz2.compress(text("never")),
        "damaged.ndjson": inside("awslogs", {"data": base64_of(gzip.compress(text("never"))[:-9])}),
        "bomb.ndjson": inside("data", bomb),
        "unknown.ndjson": inside("value", base64_of(text("never"))),
        "no-events": inside("data", "only words"),
    }  # fmt: skip
    for name, content in {**ENCODED_FORMS, **other}.items():
        (tmp_path / name).write_bytes(content)
    report = ingest(warehouse, tmp_path)
    assert taken(warehouse) == ENCODED_TAKEN
    assert report.skipped == dict.fromkeys(("a.zip", "b.json", "c"), "packed_otherwise")
    assert report.alarms(Limits(refused_percent=100)) == [
        f"{name}: not read (packed_otherwise)" for name in ("a.zip", "b.json", "c")
    ]
    with warehouse.connect() as connection:
        assert set(rows(connection, "select source_name, reason, detail, raw from event.rejected")) == {
            ("damaged.ndjson", "envelope_not_readable", "the text under data ends early", ""),
            ("bomb.ndjson", "envelope_not_readable", "the text under data unpacks to more than 16777216 bytes", ""),
            ("unknown.ndjson", "event_missing", "field event is missing or not a text", ""),
            ("no-events", "envelope_not_json", "the text under data is not JSON", "only words"),
            ("lists.json", "cut_line", f"the file ends inside this line, at byte {BEFORE_THE_END} of it", AT_THE_END),
        }


BEFORE_THE_END = 2 * len(orjson.dumps([event("lists-a")], option=orjson.OPT_INDENT_2)) + len("[\n  ")
AT_THE_END = orjson.dumps([event("lists-b")], option=orjson.OPT_INDENT_2)[4:-20].decode()


def test_an_erasure_reaches_into_encoded_texts(warehouse: Engine, tmp_path: Path) -> None:
    """Of the person nothing stays in base64, in what is packed inside, and in UTF-16. Other people's events stay."""
    jane, joe = event("jane"), event("joe")
    both = written([jane, joe]).encode()
    packed = gzip.compress(both)
    forms = {
        "kinesis.ndjson": kinesis(both, written(joe).encode()) + b"\n" + kinesis(written(joe).encode()) + b"\n",
        "packed.ndjson": inside("awslogs", {"data": base64_of(packed)}),
        "beside.ndjson": inside("Records", [{"data": base64_of(b"jane@example.com called")}, joe]),
        "texts.json": orjson.dumps([written(jane), written(joe)]),
        "shell.ndjson": both.decode().encode("utf-16"),
    }
    for name, content in forms.items():
        (tmp_path / name).write_bytes(content)
    assert ingest(warehouse, tmp_path / "shell.ndjson").inserted == 2
    with warehouse.begin() as connection:
        assert scrub_files(connection, tmp_path, "jane@example.com").files == len(forms)
        assert scrub_files(connection, tmp_path, "jane@example.com").files == 0
    lines = (tmp_path / "kinesis.ndjson").read_bytes().splitlines()
    assert lines[1] == forms["kinesis.ndjson"].splitlines()[1]
    parts = [base64.b64decode(one["kinesis"]["data"]) for one in orjson.loads(lines[0])["Records"]]
    parts.append(gzip.decompress(base64.b64decode(
        orjson.loads((tmp_path / "packed.ndjson").read_bytes())["awslogs"]["data"]
    )))  # fmt: skip
    parts += [(tmp_path / "texts.json").read_bytes(), (tmp_path / "beside.ndjson").read_bytes()]
    parts.append((tmp_path / "shell.ndjson").read_bytes().decode("utf-16").encode())
    assert [part.count(b"joe@example.com") for part in parts] == [1] * 6
    assert b"jane@" not in b"".join(parts)
    assert base64_of(b"jane@example.com called") not in parts[4].decode()
    assert ingest(warehouse, tmp_path / "shell.ndjson").received == 0  # the position stays right
    ingest(warehouse, tmp_path)
    assert taken(warehouse) == {"jane", "joe"}


def test_a_no_without_a_time_counts_and_unknown_kinds_are_named(warehouse: Engine, tmp_path: Path) -> None:
    """Such a word is set aside by its reason, and suppresses from the ingest on, once. A kind that nothing is known of
    is kept, and the table names it, if it is a name."""
    told = [
        event("a", event="spamreport", timestamp="soon", sg_event_id=None),
        event("b", event="group_unsubscribe", timestamp=None, asm_group_id=1001.0),
        event("c", event="open", timestamp=None),
        event("d", event="spamreport", email=None),
        event("e", event="Archived"), event("f", event="archived"), event("g", event="jane@example.com said"),
    ]  # fmt: skip
    export = tmp_path / "export.json"
    for last in ([], [event("h")]):  # a document is read as a whole again
        export.write_bytes(orjson.dumps(told + last))
        report = ingest(warehouse, export, topics={1001: "offers"}, now=NOON + len(last) * HOUR)
        with warehouse.connect() as connection:
            query = "select address, scope, reason, suppressed_at, last_suppressed_at from event.suppression"
            assert set(rows(connection, query)) == {
                ("a@example.com", "all", "complaint", NOON, NOON),
                ("b@example.com", "topic:offers", "unsubscribed", NOON, NOON),
            }
            reasons = rows(connection, "select line, reason from event.rejected order by line")
        assert reasons == [(line, "timestamp_not_a_number") for line in (1, 2, 3)]
        assert report.rows()[6:] == [
            ("kept, of unknown kind: archived", 2),
            ("kept, of unknown kind: with other signs than a name", 1),
            ("refused: timestamp_not_a_number", 3),
        ]
