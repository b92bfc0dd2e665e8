"""A no counts however broken its row is, and a word about permission that cannot be read lets mailing rest."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from builders import campaign, enrollment, message
from lifecycle_mail.kpis import check, roll_up, timeline
from lifecycle_mail.sources import load_feeds, record_permission

NOW = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
NAMES = ("customer_id", "email", "created_at", "last_name", "birthday", "permission", "permission_at")
HEADER = ",".join(NAMES) + "\n"
ANN = "ann,ann@example.com,2026-01-01T00:00:00Z,Archer,,confirmed,2026-02-01T00:00:00Z\n"
BOB = "bob,bob@example.com,2026-01-01T00:00:00Z,Baker,,confirmed,2026-02-01T00:00:00Z\n"
CONFIRMED = ("confirmed", "2026-02-01 00:00")


def load(warehouse: Engine, folder: Path, content: str | bytes, form: str = "csv", now: dt.datetime = NOW) -> None:
    for old in folder.glob("customers.*"):
        old.unlink()
    body = content.encode() if isinstance(content, str) else content
    (folder / f"customers.{form}").write_bytes(HEADER.encode() + body if form == "csv" else body)
    load_feeds(warehouse, folder, link_secret="secret", now=now)


def rows(warehouse: Engine, query: str) -> list[tuple[object, ...]]:
    with warehouse.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.text(query))]


def standing(warehouse: Engine) -> dict[object, tuple[object, object]]:
    """Permission and its time (UTC) of every customer."""
    query = "select customer_id, permission, to_char(permission_at, 'YYYY-MM-DD HH24:MI') from source.customer"
    return {customer: (permission, at) for customer, permission, at in rows(warehouse, query)}


def reasons(warehouse: Engine) -> set[object]:
    return {reason for (reason,) in rows(warehouse, "select reason from source.rejected")}


@pytest.fixture
def known(warehouse: Engine, tmp_path: Path) -> Engine:
    """Ann and Bob, both confirmed since February."""
    load(warehouse, tmp_path, ANN + BOB)
    return warehouse


SAID_AT = "2026-05-01T00:00:00Z"
WITHDRAWN = ("withdrawn", "2026-05-01 00:00")
AT_THE_LOAD = ("withdrawn", "2026-11-21 12:00")
BROKEN = [
    (f"ann,ann@example.com,2026-01-01T00:00:00Z,A,11/05,withdrawn,{SAID_AT}", WITHDRAWN),
    (f"ann,ann-example.com,2026-01-01T00:00:00Z,A,,withdrawn,{SAID_AT}", WITHDRAWN),
    (f"ann,,2026-01-01T00:00:00Z,A,,withdrawn,{SAID_AT}", WITHDRAWN),
    (f"ann,,,A,,Unsubscribed,{SAID_AT}", WITHDRAWN),
    (f"ann,ann@example.com,yesterday,A,,withdrawn,{SAID_AT}", WITHDRAWN),
    (f",ANN@Example.com,2026-01-01T00:00:00Z,A,,withdrawn,{SAID_AT}", WITHDRAWN),
    (f"new,Ann@example.com,,A,,withdrawn,{SAID_AT}", WITHDRAWN),
    (f"ann,ann@example.com,2026-01-01T00:00:00Z,{'x' * 10_001},,withdrawn,{SAID_AT}", WITHDRAWN),
    (f"ann,ann@example.com,2026-01-01T00:00:00Z,A\0B,,withdrawn,{SAID_AT}", WITHDRAWN),
    ("ann,ann@example.com,,A,11/05,withdrawn,", AT_THE_LOAD),
    ("ann,ann@example.com,,A,11/05,withdrawn,yesterday", AT_THE_LOAD),
    # A comma too many, or cells that are missing: what stands after it is one place on, or back.
    (f"ann,ann@example.com,2026-01-01T00:00:00Z,Archer, Jr.,,withdrawn,{SAID_AT}", AT_THE_LOAD),
    ("ann,ann@example.com,2026-01-01T00:00:00Z,Archer,,withdrawn,,", AT_THE_LOAD),
    ("ann,ann@example.com,Archer,,opted_out,", AT_THE_LOAD),
    (f'ann,"ann@example.com,2026-01-01T00:00:00Z,A,,withdrawn,{SAID_AT}', WITHDRAWN),
    (f'ann,ann@example.com,2026-01-01T00:00:00Z,"Ann "B" A, Jr.",,withdrawn,{SAID_AT}', AT_THE_LOAD),
]


@pytest.mark.parametrize(("broken", "expected"), BROKEN)
def test_a_no_counts_from_a_broken_row(
    known: Engine, tmp_path: Path, broken: str, expected: tuple[str, str]
) -> None:
    """Whatever else is wrong with the row, its customer has withdrawn, and no one else. The same row again changes
    nothing."""
    for days in (0, 1):
        load(known, tmp_path, f"{broken}\n", now=NOW + days * DAY)
        assert standing(known)["ann"] == expected
        assert standing(known)["bob"] == CONFIRMED
    assert rows(known, "select count(*) from source.permission_change where permission = 'withdrawn' "
                "and customer_id = 'ann'") == [(1,)]


def test_a_no_counts_from_a_line_in_another_encoding(known: Engine, tmp_path: Path) -> None:
    """A Latin-1 name costs the name, not the word in the same row."""
    line = f"ann,ann@example.com,2026-01-01T00:00:00Z,René,,withdrawn,{SAID_AT}\n"
    load(known, tmp_path, line.encode("latin-1"))
    assert standing(known) == {"ann": WITHDRAWN, "bob": CONFIRMED}


JSON = [
    b'{"customer_id":"ann","email":"ann@example.com","created_at":"2026-01-01T00:00:00Z","birthday":19800101,'
    b'"permission":"withdrawn","permission_at":"2026-05-01T00:00:00Z"}',
    b'{"customer_id":7.5,"email":"ann@example.com","created_at":"2026-01-01T00:00:00Z",'
    b'"permission":"withdrawn","permission_at":"2026-05-01T00:00:00Z"}',
    b'{"customer_id":"ann","permission":"Opt-Out","permission_at":"2026-05-01T00:00:00Z","last_name":"Arch',
    b'{"customer_id":"ann","last_name":"Ren\xe9","permission":"withdrawn","permission_at":"2026-05-01T00:00:00Z"}',
    b'{"customer_id":"ann","email":"ann@example.com","created_at":"2026-01-01T00:00:00Z","last_name":"\\u0000",'
    b'"permission":"opted out","permission_at":"2026-05-01T00:00:00Z"}',
]


@pytest.mark.parametrize("line", JSON)
def test_a_no_counts_from_a_broken_object(known: Engine, tmp_path: Path, line: bytes) -> None:
    """Values of wrong types, cut objects, bytes and escapes that are no text: the no in the same line counts."""
    load(known, tmp_path, line + b"\n", "ndjson")
    assert standing(known) == {"ann": WITHDRAWN, "bob": CONFIRMED}


def test_a_no_counts_from_a_broken_row_of_parquet_and_of_a_query(known: Engine, tmp_path: Path) -> None:
    """Rows of tables are no different."""
    columns = {"customer_id": ["ann"], "email": [None], "created_at": ["x"], "permission": ["unsubscribed"]}
    pq.write_table(pa.table(columns), tmp_path / "customers.parquet")
    (tmp_path / "customers.csv").unlink()
    repository = tmp_path / "repository"
    repository.mkdir()
    (repository / "customers.sql").write_text(
        "select 'bob' as customer_id, 'b@' as email, now() as created_at, 'OPTED_OUT' as permission"
    )
    load_feeds(known, tmp_path, link_secret="secret", now=NOW, sql_folder=repository)
    assert standing(known) == {"ann": AT_THE_LOAD, "bob": AT_THE_LOAD}


REFUSED_FILES = [
    ("csv", b"email,permission\nANN@example.com,unsubscribed\nbob@example.com,confirmed\n"),
    ("csv", b"customer_id,permission,permission\nann,withdrawn,withdrawn\n"),
    ("csv", b"customer_id,email,permission,permission_at\nann,,withdrawn,2026-05-01T00:00:00Z\nbob,,perhaps,\n"),
    ("sql", b"select 'ann' as customer_id, 'withdrawn' as permission"),
]


@pytest.mark.parametrize(("form", "content"), REFUSED_FILES)
def test_a_no_counts_from_a_refused_file(known: Engine, tmp_path: Path, form: str, content: bytes) -> None:
    """A file without a required column is refused. A customer who withdraws in it has withdrawn; no other word of it
    counts. If the column of permission itself cannot be identified, nothing counts."""
    (tmp_path / "customers.csv").unlink()
    repository = tmp_path / "repository"
    repository.mkdir()
    folder, name = (repository, "sql/feeds/customers.sql") if form == "sql" else (tmp_path, f"customers.{form}")
    (folder / f"customers.{form}").write_bytes(content)
    report = load_feeds(known, tmp_path, link_secret="secret", now=NOW, sql_folder=repository)
    assert report.refused_files == {name: "wrong_columns"}
    is_told = b"permission,permission\n" not in content
    assert standing(known)["ann"][0] == ("withdrawn" if is_told else "confirmed")
    assert standing(known)["bob"] == CONFIRMED
    assert any("1 opt-out(s) in it count although" in warning for warning in report.warnings) == is_told


def test_a_no_counts_from_a_refused_parquet_file(known: Engine, tmp_path: Path) -> None:
    """A required column of a type that is refused costs the file, not the no in it."""
    (tmp_path / "customers.csv").unlink()
    columns = {
        "customer_id": ["ann"], "email": ["ann@example.com"], "created_at": [1767225600], "permission": ["withdrawn"],
    }  # fmt: skip
    pq.write_table(pa.table(columns), tmp_path / "customers.parquet")
    load_feeds(known, tmp_path, link_secret="secret", now=NOW)
    assert standing(known) == {"ann": AT_THE_LOAD, "bob": CONFIRMED}
    assert reasons(known) == {"wrong_type"}


def test_a_no_reaches_every_holder_of_the_address(known: Engine, tmp_path: Path) -> None:
    """If the customer cannot be read or is unknown, every customer who has the address has withdrawn, also one who is
    new in the same file. A known customer withdraws for themselves alone."""
    second = ANN.replace("ann,", "ann2,", 1)
    third = ANN.replace("ann,", "ann3,", 1)
    load(known, tmp_path, second + f"bob,ann@example.com,never,,,withdrawn,{SAID_AT}\n")
    assert standing(known) == {"ann": CONFIRMED, "ann2": CONFIRMED, "bob": WITHDRAWN}
    load(known, tmp_path, third + f",ann@example.com,never,,,withdrawn,{SAID_AT}\n")
    assert standing(known) == {"ann": WITHDRAWN, "ann2": WITHDRAWN, "ann3": WITHDRAWN, "bob": WITHDRAWN}


def test_a_no_waits_for_a_customer_who_is_not_known_yet(warehouse: Engine, tmp_path: Path) -> None:
    """The row of a new customer is refused; when a whole one comes, with an older or no word, the no stands; a later
    word of the person lifts it."""
    load(warehouse, tmp_path, f"ann,ann@example.com,never,,,withdrawn,{SAID_AT}\n")
    assert standing(warehouse) == {}
    load(warehouse, tmp_path, ANN)
    assert standing(warehouse) == {"ann": WITHDRAWN}
    with warehouse.begin() as connection:
        record_permission(connection, "ann", "confirmed", NOW, "preference_centre")
    assert standing(warehouse) == {"ann": ("confirmed", "2026-11-21 12:00")}


def test_a_yes_never_counts_from_a_broken_row(known: Engine, tmp_path: Path) -> None:
    """A refused row confirms no customer, and ends no rest."""
    load(known, tmp_path, "ann,ann@example.com,never,,,none,2026-06-01T00:00:00Z\n")
    assert standing(known)["ann"] == CONFIRMED
    load(known, tmp_path, ANN.replace("confirmed", "perhaps"))
    load(known, tmp_path, "ann,ann@example.com,never,,,confirmed,2026-06-01T00:00:00Z\n")
    assert standing(known)["ann"] == ("none", "2026-11-21 12:00")


@pytest.mark.parametrize(
    "word", ["Unsubscribed", "unsubscribe", "opted_out", "opt-out", "OPTED OUT", " withdrawn ", "Withdrawn", "Revoked"]
)
def test_words_for_a_no(known: Engine, tmp_path: Path, word: str) -> None:
    """Other systems' words for it are read as withdrawn, in any case of letters."""
    load(known, tmp_path, ANN.replace("confirmed", word).replace("2026-02-01", "2026-05-01"))
    assert standing(known)["ann"] == WITHDRAWN
    assert reasons(known) == set()


RESTING = ("none", "2026-11-21 12:00")


@pytest.mark.parametrize(
    "said",
    [
        "subscribed,2026-05-01T00:00:00Z", "cleaned,", "NOT_SUBSCRIBED,", "yes,", "perhaps,2026-02-01T00:00:00Z",
        "confirmed,yesterday", "confirmed,2026-05-01", "pending,2026-05-01T00:00:00", "none,soon",
    ],
)  # fmt: skip
@pytest.mark.parametrize("birthday", ["", "11/05"])
def test_a_word_that_cannot_be_read_lets_mailing_rest(
    known: Engine, tmp_path: Path, said: str, birthday: str
) -> None:
    """An unreadable word suspends a yes, whatever else is in the row, and however often it comes. The next word of the
    feed that can be read ends the rest, even if it is the old word. The timeline names what happened."""
    unread = f"ann,ann@example.com,2026-01-01T00:00:00Z,Archer,{birthday},{said}\n"
    for days in (0, 1):
        load(known, tmp_path, unread + BOB, now=NOW + days * DAY)
        assert standing(known) == {"ann": RESTING, "bob": CONFIRMED}
    assert rows(known, "select customer_id, file, line from source.permission_rest") == [("ann", "customers.csv", 2)]
    load(known, tmp_path, ANN.replace("confirmed", ""), now=NOW + 2 * DAY)
    assert standing(known)["ann"] == RESTING
    load(known, tmp_path, ANN, now=NOW + 3 * DAY)
    assert standing(known)["ann"] == CONFIRMED
    with known.connect() as connection:
        told = [(one.what, one.why) for one in timeline(connection, "ann", None)]
    left_out = ("a value was left out of a row", "customers.csv line 2: ")
    assert any(what == left_out[0] and (why or "").startswith(left_out[1]) for what, why in told)
    assert [(what, why) for what, why in told if what != left_out[0]] == [
        ("permission confirmed", "feed"),
        ("mailing rests", "the feed's word about permission cannot be read: customers.csv line 2"),
        ("mailing goes on", "the feed's word about permission can be read again"),
    ]


def test_the_last_word_of_a_file_counts(known: Engine, tmp_path: Path) -> None:
    """If a customer has two rows, the later one says whether mailing rests."""
    unread = ANN.replace("confirmed", "perhaps")
    load(known, tmp_path, unread + ANN)
    assert standing(known)["ann"] == CONFIRMED
    load(known, tmp_path, ANN + unread)
    assert standing(known)["ann"] == RESTING


def test_the_person_s_own_word_ends_a_rest(known: Engine, tmp_path: Path) -> None:
    """A yes on the preference page counts from its time, until the feed cannot be read again; a no stands."""
    unread = ANN.replace("confirmed", "perhaps")
    load(known, tmp_path, unread)
    with known.begin() as connection:
        record_permission(connection, "ann", "confirmed", NOW + DAY, "preference_centre")
    assert standing(known)["ann"] == ("confirmed", "2026-11-22 12:00")
    load(known, tmp_path, unread, now=NOW + 2 * DAY)
    assert standing(known)["ann"] == ("none", "2026-11-23 12:00")
    load(known, tmp_path, ANN.replace("confirmed", "withdrawn").replace("2026-02-01", "2026-11-24"))
    assert standing(known)["ann"] == ("withdrawn", "2026-11-24 00:00")


def test_a_rest_is_a_leave_of_the_list(known: Engine, tmp_path: Path) -> None:
    """List numbers follow: who rests is not on the list, who goes on returns, incrementally and in full."""
    with known.begin() as connection:
        message(connection, enrollment(connection, campaign(connection), "bob"), "cart_abandoned", "bob")
    days = "select day::text, joined, withdrawn, returned, closing from kpi.list_daily where joined + withdrawn + "
    days += "returned > 0 order by 1"
    roll_up(known, reporting_zone="UTC", now=NOW)
    load(known, tmp_path, ANN.replace("confirmed", "perhaps") + BOB)
    roll_up(known, reporting_zone="UTC", now=NOW)
    assert rows(known, days) == [("2026-02-01", 2, 0, 0, 2), ("2026-11-21", 0, 1, 0, 1)]
    load(known, tmp_path, ANN + BOB, now=NOW + DAY)
    roll_up(known, reporting_zone="UTC", now=NOW + DAY)
    counted = [("2026-02-01", 2, 0, 0, 2), ("2026-11-21", 0, 1, 0, 1), ("2026-11-22", 0, 0, 1, 2)]
    assert rows(known, days) == counted
    roll_up(known, reporting_zone="UTC", now=NOW + DAY, full=True)
    assert rows(known, days) == counted
    assert check(known) == []
