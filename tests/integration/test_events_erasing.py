"""Erasing a person from the events, and from the export files they came in."""

from __future__ import annotations

import dataclasses
import gzip
from datetime import timedelta
from pathlib import Path

import orjson
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

import builders
from builders import NOON, rows
from lifecycle_mail.errors import SettingsError
from lifecycle_mail.events import erase, ingest, scrub_files, summarize_addresses
from lifecycle_mail.events.erased import erased_addresses
from lifecycle_mail.events.erasing import mention_of, scrubbed_line
from lifecycle_mail.pipeline import Installation
from lifecycle_mail.settings import Settings
from planning import BRAND, TOPICS

JANE, JOE = "jane@example.com", "joe.jane@example.com"


@pytest.fixture
def mails(warehouse: Engine) -> dict[str, str]:
    """Jane and Joe with a mail each: address → message id."""
    with warehouse.begin() as connection:
        builders.campaign(connection)
        ids = {}
        for address in (JANE, JOE):
            name = address.partition("@")[0]
            builders.customer(connection, name)
            enrollment = builders.enrollment(connection, "cart_abandoned", name)
            ids[address] = builders.message(connection, enrollment, "cart_abandoned", name)
    return ids


def posts(mails: dict[str, str]) -> list[dict[str, object]]:
    """What happened to both, with personal fields everywhere."""
    return [
        {
            "email": address.title(), "timestamp": 1_772_452_800 + number, "event": kind,
            "sg_event_id": f"{kind}{address[:3]}", "lm_message_id": mails[address], "ip": "192.0.2.7",
            "useragent": "Mozilla", "reason": f"550 <{address}> é said no", "url": f"https://example.com/?e={address}",
        }
        for number, kind in enumerate(("bounce", "click"))
        for address in (JANE, JOE)
    ]  # fmt: skip


def test_an_erased_person_is_gone_from_the_database(
    warehouse: Engine, mails: dict[str, str], tmp_path: Path
) -> None:
    """Raw events keep kinds, times and our own ids; rejected lines and suppressions go; others are untouched."""
    path = tmp_path / "export.ndjson"
    broken = f'{{"email": "{JANE}", "event'.encode()
    old_address = {**posts(mails)[0], "email": "old@example.com", "sg_event_id": "old", "event": "open"}
    path.write_bytes(b"\n".join([*map(orjson.dumps, posts(mails)), orjson.dumps(old_address), broken, b""]))
    ingest(warehouse, path)
    with warehouse.begin() as connection:
        joes = rows(connection, "select * from event.event where address = :joe order by 1", joe=JOE)
        assert erase(connection, "jane", JANE.upper()) == 3
    with warehouse.connect() as connection:
        query = "select raw from event.event where message_id = cast(:id as uuid)"
        kept = {frozenset(raw) for (raw,) in rows(connection, query, id=mails[JANE])}
        assert kept == {frozenset(("event", "timestamp", "sg_event_id", "lm_message_id"))}
        assert rows(connection, "select * from event.event where address = :joe order by 1", joe=JOE) == joes
        assert rows(connection, "select address from event.suppression") == [(JOE,)]
        assert rows(connection, "select raw from event.rejected") == [(None,)]
        dump = str(rows(connection, "select * from event.event")) + str(
            rows(connection, "select * from event.engagement")
        )
    assert JANE not in dump.lower().replace(JOE, "")
    assert "old@example.com" not in dump


@pytest.mark.parametrize("form", ["ndjson", "array_a_line", "array_over_lines", "json", "ndjson.gz"])
def test_a_scrubbed_file_is_read_on_and_never_twice(
    warehouse: Engine, mails: dict[str, str], tmp_path: Path, form: str
) -> None:
    """Whatever the form, the person is gone, the others are whole, and the next ingest reads only what was added."""
    items = list(map(orjson.dumps, posts(mails)))
    path = tmp_path / {"json": "e.json", "ndjson.gz": "e.ndjson.gz"}.get(form, "e.ndjson")
    content = {
        "ndjson": b"\n".join(items) + b"\n",
        "array_a_line": b"[" + b",".join(items) + b"]\n",
        "array_over_lines": b"[" + b",\r\n".join(items) + b"]\r\n",
        "json": orjson.dumps(posts(mails), option=orjson.OPT_INDENT_2),
        "ndjson.gz": gzip.compress(b"\n".join(items) + b"\n"),
    }[form]
    path.write_bytes(content)
    assert ingest(warehouse, path).inserted == 4
    with warehouse.begin() as connection:
        report = scrub_files(connection, tmp_path, JANE)
    text = gzip.decompress(path.read_bytes()) if form.endswith("gz") else path.read_bytes()
    assert report.files == 1
    assert report.lines == (2 if form in ("ndjson", "ndjson.gz", "array_over_lines") else 1)
    assert mention_of(JANE).search(text.decode().lower()) is None
    assert b"192.0.2.7" in text
    assert text.decode().lower().count(JOE) == 6
    assert ingest(warehouse, path).received == 0
    if form == "ndjson":
        with path.open("ab") as stream:
            stream.write(orjson.dumps({**posts(mails)[1], "sg_event_id": "new"}) + b"\n")
        assert ingest(warehouse, path).received == 1
    with warehouse.begin() as connection:
        assert scrub_files(connection, path, JANE).files == 0


def test_a_scrubbed_export_still_tells_the_facts(warehouse: Engine, mails: dict[str, str], tmp_path: Path) -> None:
    """Read into an empty database, a scrubbed file gives the same events without the person."""
    path = tmp_path / "e.ndjson"
    path.write_bytes(b"\n".join(map(orjson.dumps, posts(mails))) + b"\n")
    size = path.stat().st_size
    with warehouse.begin() as connection:
        scrub_files(connection, path, JANE)
    assert path.stat().st_size == size
    assert ingest(warehouse, path).inserted == 4
    with warehouse.connect() as connection:
        facts = rows(connection, "select customer_id, first_click_at is not null from event.engagement order by 1")
        assert facts == [("jane", True), ("joe.jane", True)]
        assert rows(connection, "select distinct address from event.event order by 1") == [(JOE,), (None,)]


@pytest.fixture
def installation(warehouse: Engine) -> Installation:
    """An installation without a folder of exports: an erasure leaves files alone."""
    url = warehouse.url.render_as_string(hide_password=False)
    return Installation(Settings(database_url=url, link_secret="a secret, 秘密"), warehouse, TOPICS, BRAND)


def told_after(mails: dict[str, str], group: int | None) -> list[dict[str, object]]:
    """What the provider still reports of Jane's and Joe's mails: everything that would suppress, an open, a return."""
    kinds: dict[str, dict[str, object]] = {
        "bounce": {"type": "bounce"}, "open": {}, "click": {}, "spamreport": {}, "unsubscribe": {},
        "group_unsubscribe": {"asm_group_id": group}, "group_resubscribe": {"asm_group_id": group},
        "dropped": {"reason": "Bounced Address"},
    }  # fmt: skip
    return [
        {**posted, "event": kind, "sg_event_id": f"{kind}-{posted['email']}", **fields}
        for posted in posts(mails)[:2]
        for kind, fields in kinds.items()
    ]


def test_an_erased_person_is_not_learned_again(
    warehouse: Engine, mails: dict[str, str], tmp_path: Path, installation: Installation
) -> None:
    """Old mails are opened, bounce and are unsubscribed from after the erasure. Their events count for their mail and
    name no one; nothing is suppressed, and nothing can be pushed. Events of other people are kept as if there had been
    no erasure."""
    (tmp_path / "e.ndjson").write_bytes(
        b"\n".join(map(orjson.dumps, told_after(mails, TOPICS["reminders"].sendgrid_group_id))) + b"\n"
    )
    assert installation.erase("jane", NOON)
    assert installation.ingest(tmp_path).inserted == 16
    with warehouse.connect() as connection:
        query = "select event, address, raw from event.event where message_id = cast(:id as uuid)"
        of_jane = rows(connection, query, id=mails[JANE])
        assert len(of_jane) == 8
        assert {address for _, address, _ in of_jane} == {None}
        assert {frozenset(raw) for _, _, raw in of_jane} == {
            frozenset(("event", "timestamp", "sg_event_id", "lm_message_id")),
            frozenset(("event", "timestamp", "sg_event_id", "lm_message_id", "type")),
            frozenset(("event", "timestamp", "sg_event_id", "lm_message_id", "asm_group_id")),
        }
        of_joe = rows(connection, query, id=mails[JOE])
        assert {(address, raw["ip"]) for _, address, raw in of_joe} == {(JOE, "192.0.2.7")}
        for table in ("suppression", "resubscription", "opt_out"):
            assert rows(connection, f"select distinct address from event.{table}") == [(JOE,)]  # noqa: S608
        facts = "bounced_hard_at, dropped_at, first_open_at, first_click_at, complained_at, unsubscribed_at"
        first = rows(connection, f"select {facts} from event.engagement")  # noqa: S608
    assert len(first) == 2
    assert None not in {*first[0], *first[1]}


def test_a_repeat_from_before_the_erasure_is_known_again(
    warehouse: Engine, mails: dict[str, str], tmp_path: Path, installation: Installation
) -> None:
    """An event that came before counts once, even if it was known by its content and the content is gone by then."""
    nameless = [{**posted, "sg_event_id": None} for posted in posts(mails)]
    for name in ("before", "after"):
        (tmp_path / f"{name}.ndjson").write_bytes(b"\n".join(map(orjson.dumps, nameless)) + b"\n")
        inserted = installation.ingest(tmp_path / f"{name}.ndjson").inserted
        assert inserted == (4 if name == "before" else 0)
        installation.erase("jane", NOON, without_files=True)


def test_an_erasure_that_would_miss_export_files_erases_nothing(
    warehouse: Engine, mails: dict[str, str], tmp_path: Path, installation: Installation
) -> None:
    """Files were ingested and their folder is not set: the erasure is refused before anything is written, unless the
    operator asks to go on. With the folder, the address leaves the files too."""
    export = tmp_path / "e.ndjson"
    export.write_bytes(b"\n".join(map(orjson.dumps, posts(mails))) + b"\n")
    installation.ingest(tmp_path)
    with pytest.raises(SettingsError, match="nothing was erased; set it to their folder"):
        installation.erase("jane", NOON)
    with warehouse.connect() as connection:
        assert rows(connection, "select address from source.customer where customer_id = 'jane'") == [(JANE,)]
    settings = dataclasses.replace(installation.settings, events_dir=tmp_path)
    assert dataclasses.replace(installation, settings=settings).erase("jane", NOON)
    left = export.read_bytes().lower()
    assert left.count(JANE.encode()) == left.count(JOE.encode()) > 0
    assert installation.erase("joe.jane", NOON, without_files=True)
    assert export.read_bytes().lower() == left


def test_lines_about_the_erased_are_set_aside_without_their_text(
    warehouse: Engine, mails: dict[str, str], tmp_path: Path, installation: Installation
) -> None:
    """What cannot be taken is counted with its place and reason; the text of others' lines is kept."""
    assert installation.erase("jane", NOON)
    lines = [
        f'{{"email": "{JANE.title()}", "event"',
        f'{{"email": "{JANE}", "event": "open"}}',
        f'"<a href=\\"https://example.com/?e={JANE}\\">"',
        f'{{"email": "{JOE}", "event": "open"}}',
        '{"email": "' + JANE.replace("@", "\\u0040") + '", "event"',
    ]
    (tmp_path / "e.ndjson").write_text("\n".join(lines) + "\n")
    installation.ingest(tmp_path)
    with warehouse.connect() as connection:
        found = rows(connection, "select line, reason, raw from event.rejected order by line")
    assert found == [
        (1, "broken_json", ""),
        (2, "timestamp_not_a_number", ""),
        (3, "not_an_object", ""),
        (4, "timestamp_not_a_number", lines[3]),
        (5, "broken_json", ""),
    ]


@pytest.mark.parametrize("address", ["ann@example.com", "o'quirke+x@example.com", "jörg.straße@例え.example.com"])
def test_an_erased_address_is_known_by_the_hash_of_the_database(
    warehouse: Engine, installation: Installation, address: str
) -> None:
    """The hash is computed here and there alike, with the secret of the installation alone."""
    secret = installation.settings.link_secret
    assert erased_addresses(warehouse, secret) is None
    with warehouse.begin() as connection:
        builders.customer(connection, "one", email=address)
    assert installation.erase("one", NOON)
    right, wrong = erased_addresses(warehouse, secret), erased_addresses(warehouse, "another")
    assert right is not None
    assert wrong is not None
    assert right(address.encode())
    assert not right(b"x" + address.encode())
    assert not wrong(address.encode())


def test_filters_by_address_are_made_once_for_each_month(warehouse: Engine) -> None:
    """Two months grow past the pages that their index was built on: each gets filters, once, and a person is found."""
    with warehouse.begin() as connection:
        batch = builders.insert(connection, "event.batch", source_name="x")
        for at in (NOON, NOON - timedelta(days=31)):
            builders.ensure_month(connection, "event.event", at)
            connection.execute(MANY_EVENTS, {"at": at, "batch": batch})
    with warehouse.begin() as connection:
        assert summarize_addresses(connection) == 4
        assert summarize_addresses(connection) == 0
        assert erase(connection, "nobody", "who-17@example.com") == 2


MANY_EVENTS = sa.text("""
insert into event.event (sg_event_id, occurred_at, event, address, batch_id, raw)
select number::text, :at, 'open', 'who-' || number || '@example.com', :batch, json_build_object('pad', repeat('x', 150))
from generate_series(1, 10000) as number
""")


@pytest.mark.parametrize(
    ("line", "scrubbed"),
    [
        (b'{"email":"jane@example.com","event":"open"}\n', b'{"event":"open"}'),
        (b'{"email":"JANE\\u0040example.com","event":"open"}\n', b'{"event":"open"}'),
        (b'{"email":"joe@example.com","reason":"see jane@example.com.","event":"open"}\r\n', b'{"event":"open"}'),
        (b'{"email":"jane@example.com","eve', b""),
        (b'{"email":"jane\\u0040example.com","eve', b""),
        (b'[{"email":"jane@example.com","event":"open"},{"email":"x@example.com"}]\n',
         b'[{"event":"open"},{"email":"x@example.com"}]'),
        (b'["jane@example.com",5]', b"[null,5]"),
        (b'{"email":"jane@example.com","event":"open","a":' + b"[" * 300 + b"]" * 300 + b"}\n", b'{"event":"open"}'),
        (b'{"a":' + b"[" * 1000 + b"]" * 1000 + b',"email":"jane@example.com"}\n', b""),
    ],
)  # fmt: skip
def test_lines_are_scrubbed_at_their_length(line: bytes, scrubbed: bytes) -> None:
    """A line without the person keeps its length and its end, however the address was written."""
    clean = scrubbed_line(line, mention_of(JANE))
    assert len(clean) == len(line)
    assert clean.rstrip() == scrubbed
    assert clean.endswith(line[len(line.rstrip(b"\r\n")) :])


@pytest.mark.parametrize(
    "line",
    [
        b'{"email":"joe.jane@example.com"}\n', b'{"email":"jane@example.com.au"}\n',
        b'{"email":"jane@example.community"}', b'{"email":"x+jane@example.com"}', b"", b"\n",
        b"garbage \\u", b'{"a":"b\\n"}\n',
    ],
)  # fmt: skip
def test_other_people_s_lines_are_untouched(line: bytes) -> None:
    """An address inside a longer one is another person's."""
    assert scrubbed_line(line, mention_of(JANE)) == line
