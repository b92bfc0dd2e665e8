"""Consent is a log: the newest word counts, a feed lifts its own no alone, and the order of files plays no part."""

from __future__ import annotations

import datetime as dt
import itertools
import threading
import time
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from builders import waiting_for_locks
from lifecycle_mail.sources import load_feeds, record_permission

NOW = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)
HEADER = "customer_id,email,created_at,permission,permission_at\n"
CREATED = "2026-01-01T00:00:00Z"


def load(warehouse: Engine, folder: Path, *said: tuple[str, str], now: dt.datetime = NOW) -> None:
    """Load customer c with each (permission, time) as a file of its own, in that order."""
    for old in folder.glob("*.csv"):
        old.unlink()
    for number, (permission, at) in enumerate(said):
        line = f"c,c@example.com,{CREATED},{permission},{at}\n"
        (folder / f"customers-{number}.csv").write_text(HEADER + line)
    load_feeds(warehouse, folder, link_secret="secret", now=now)


def say(warehouse: Engine, permission: str, at: str, origin: str) -> None:
    with warehouse.begin() as connection:
        record_permission(connection, "c", permission, dt.datetime.fromisoformat(at), origin)


def standing(warehouse: Engine) -> tuple[str, str | None]:
    query = sa.text("select permission, permission_at at time zone 'UTC' from source.customer where customer_id = 'c'")
    with warehouse.connect() as connection:
        permission, at = connection.execute(query).one()
    return permission, at and at.strftime("%m-%d %H")


CASES = [
    ([("", "")], ("none", None)),
    ([("confirmed", "")], ("confirmed", "01-01 00")),
    ([("confirmed", "2026-03-01T00:00:00Z"), ("pending", "2026-02-01T00:00:00Z")], ("confirmed", "03-01 00")),
    ([("confirmed", "2026-02-01T00:00:00Z"), ("none", "2026-03-01T00:00:00Z")], ("none", "03-01 00")),
    ([("confirmed", "2026-02-01T00:00:00Z"), ("", "")], ("confirmed", "02-01 00")),
    ([("pending", CREATED), ("confirmed", CREATED), ("none", CREATED)], ("confirmed", "01-01 00")),
    ([("pending", ""), ("confirmed", "2026-02-01T00:00:00Z"), ("none", "")], ("confirmed", "02-01 00")),
    ([("withdrawn", "2026-02-01T00:00:00Z"), ("confirmed", "2026-03-01T00:00:00Z")], ("confirmed", "03-01 00")),
    ([("confirmed", "2026-02-01T00:00:00Z"), ("withdrawn", "2026-03-01T00:00:00Z")], ("withdrawn", "03-01 00")),
    ([("withdrawn", ""), ("confirmed", "2026-03-01T00:00:00Z")], ("withdrawn", "11-21 12")),
    ([("withdrawn", ""), ("confirmed", "2027-03-01T00:00:00Z"), ("", "")], ("withdrawn", "11-21 12")),
    (
        [("withdrawn", "2026-05-01T00:00:00Z"), ("withdrawn", "2026-04-01T00:00:00Z"), ("confirmed", "")],
        ("withdrawn", "04-01 00"),
    ),
]


@pytest.mark.parametrize(("said", "expected"), CASES)
def test_every_order_of_files_ends_the_same(
    warehouse: Engine, tmp_path: Path, said: list[tuple[str, str]], expected: tuple[str, str | None]
) -> None:
    """What files say about permission ends in one state, whatever order they come in and however often."""
    for order in itertools.permutations(said):
        with warehouse.begin() as connection:
            connection.execute(sa.text("truncate source.customer, source.permission_change, source.feed_word"))
        load(warehouse, tmp_path, *order)
        assert standing(warehouse) == expected, order
        load(warehouse, tmp_path, *order, now=NOW + dt.timedelta(days=1))
        assert standing(warehouse) == expected, order


def test_every_order_of_rows_in_one_file_ends_the_same(warehouse: Engine, tmp_path: Path) -> None:
    """A row that is set aside as a duplicate has still said what it said about permission."""
    said = [("withdrawn", "2026-02-01T00:00:00Z"), ("confirmed", "2026-03-01T00:00:00Z")]
    for order in itertools.permutations(said):
        with warehouse.begin() as connection:
            connection.execute(sa.text("truncate source.customer, source.permission_change, source.feed_word"))
        lines = [f"c,c@example.com,{CREATED},{permission},{at}\n" for permission, at in order]
        (tmp_path / "customers.csv").write_text(HEADER + "".join(lines))
        load_feeds(warehouse, tmp_path, link_secret="secret", now=NOW)
        assert standing(warehouse) == ("confirmed", "03-01 00")


def test_loading_again_adds_nothing_to_the_log(warehouse: Engine, tmp_path: Path) -> None:
    """A second load leaves the log as it was, undated withdrawals included."""
    said = [("confirmed", ""), ("withdrawn", ""), ("pending", "2026-02-01T00:00:00Z")]
    query = sa.text("select * from source.permission_change order by permission_at, permission")
    load(warehouse, tmp_path, *said)
    with warehouse.connect() as connection:
        before = connection.execute(query).all()
    load(warehouse, tmp_path, *said, now=NOW + dt.timedelta(days=1))
    with warehouse.connect() as connection:
        assert connection.execute(query).all() == before
    assert len(before) == 3


def test_a_feed_never_lifts_an_unsubscribe(warehouse: Engine, tmp_path: Path) -> None:
    """A withdrawal recorded by an unsubscribe stands against any feed, whatever time the feed gives."""
    load(warehouse, tmp_path, ("confirmed", "2026-02-01T00:00:00Z"))
    say(warehouse, "withdrawn", "2026-03-01T00:00:00+00:00", "unsubscribe")
    assert standing(warehouse) == ("withdrawn", "03-01 00")
    load(warehouse, tmp_path, ("confirmed", "2027-01-01T00:00:00Z"), ("pending", ""))
    assert standing(warehouse) == ("withdrawn", "03-01 00")


def test_the_person_comes_back(warehouse: Engine, tmp_path: Path) -> None:
    """The person's own later word lifts a withdrawal; a feed repeating the old one does not bring it back."""
    load(warehouse, tmp_path, ("withdrawn", "2026-03-01T00:00:00Z"))
    say(warehouse, "confirmed", "2026-02-01T00:00:00+00:00", "preference_centre")
    assert standing(warehouse) == ("withdrawn", "03-01 00")
    say(warehouse, "confirmed", "2026-04-01T00:00:00+00:00", "preference_centre")
    assert standing(warehouse) == ("confirmed", "04-01 00")
    load(warehouse, tmp_path, ("withdrawn", "2026-03-01T00:00:00Z"))
    assert standing(warehouse) == ("confirmed", "04-01 00")
    load(warehouse, tmp_path, ("withdrawn", "2026-05-01T00:00:00Z"))
    assert standing(warehouse) == ("withdrawn", "05-01 00")
    load(warehouse, tmp_path, ("confirmed", "2026-06-01T00:00:00Z"))
    assert standing(warehouse) == ("confirmed", "06-01 00")


def test_word_before_the_customer_is_known(warehouse: Engine, tmp_path: Path) -> None:
    """A withdrawal recorded before the customer's first row counts as soon as the row is there."""
    say(warehouse, "withdrawn", "2026-03-01T00:00:00+00:00", "unsubscribe")
    load(warehouse, tmp_path, ("confirmed", "2026-04-01T00:00:00Z"))
    assert standing(warehouse) == ("withdrawn", "03-01 00")


def test_word_given_while_a_load_writes(warehouse: Engine, tmp_path: Path) -> None:
    """An unsubscribe that comes while a load is writing customers is not lost: it waits, and then stands."""
    others = [f"x{number}" for number in range(8)]
    people = [*others[:4], "c", *others[4:]]

    def write(permission: str, at: str) -> None:
        lines = [f"{person},{person}@example.com,{CREATED},{permission},{at}\n" for person in people]
        (tmp_path / "customers.csv").write_text(HEADER + "".join(lines))

    def load_now() -> None:
        load_feeds(warehouse, tmp_path, link_secret="secret", now=NOW)

    write("pending", "2026-02-01T00:00:00Z")
    load_now()
    write("confirmed", "2026-03-01T00:00:00Z")
    loading = threading.Thread(target=load_now)
    saying = threading.Thread(
        target=lambda: say(warehouse, "withdrawn", "2026-04-01T00:00:00+00:00", "unsubscribe")
    )
    with warehouse.begin() as blocker:
        rows_of_others = sa.text("select 1 from source.customer where customer_id = any(:others) for update")
        blocker.execute(rows_of_others, {"others": others})
        loading.start()
        while not waiting_for_locks(warehouse):
            time.sleep(0.02)
        saying.start()
        saying.join(timeout=1.0)
        assert saying.is_alive()
    for thread in (loading, saying):
        thread.join(timeout=30)
    assert standing(warehouse) == ("withdrawn", "04-01 00")
