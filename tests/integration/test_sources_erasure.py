"""Erasure in the sources stage: no personal value stays, and no later feed brings the person back."""

from __future__ import annotations

import datetime as dt
import hashlib
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from lifecycle_mail.sources import Erasure, address_of, erase_customer, load_feeds, record_permission

NOW = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)
HEADER = "customer_id,email,created_at,first_name,last_name,timezone,permission,signup_source\n"
ANN = "c1,Ann@Example.com,2026-01-01T00:00:00Z,Ann,Archer,Europe/London,confirmed,fair\n"
BOB = "c2,bob@example.com,2026-01-01T00:00:00Z,Bob,Baker,Europe/London,confirmed,fair\n"


def load(warehouse: Engine, folder: Path, customers: str) -> None:
    (folder / "customers.csv").write_text(HEADER + customers)
    load_feeds(warehouse, folder, link_secret="secret", now=NOW)


def erase(warehouse: Engine, customer_id: str) -> Erasure:
    with warehouse.begin() as connection:
        return erase_customer(connection, customer_id, "secret", NOW)


def rows(warehouse: Engine, query: str) -> list[tuple[object, ...]]:
    with warehouse.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.text(query))]


def everything(warehouse: Engine) -> str:
    """All of schema source as one text, lower case."""
    tables = rows(warehouse, "select table_name from information_schema.tables where table_schema = 'source'")
    found = [rows(warehouse, f"select t::text from source.{name} as t") for (name,) in tables]  # noqa: S608
    return str(found).lower()


def test_nothing_personal_stays(warehouse: Engine, tmp_path: Path) -> None:
    """After an erasure no table of the stage shows address or name; the row, its orders and others stay."""
    (tmp_path / "orders.csv").write_text(
        "order_id,customer_id,ordered_at,total\no1,c1,2026-02-01T00:00:00Z,10\n"
    )
    broken = ANN.replace("Europe/London", "Nowhere") + ANN.replace(",fair", "") + '"' + ANN
    load(warehouse, tmp_path, ANN + BOB + broken)
    assert "ann@example.com" in everything(warehouse)
    assert erase(warehouse, "c1") == Erasure(("c1",), 4)
    found = everything(warehouse)
    assert [word for word in ("ann@", "archer") if word in found] == []
    assert "bob@example.com" in found
    assert rows(
        warehouse,
        "select customer_id, email, address, first_name, timezone, signup_source, permission, erased_at "
        "from source.customer where customer_id = 'c1'",
    ) == [("c1", None, None, None, None, None, "withdrawn", NOW)]
    assert rows(warehouse, "select order_id, total from source.orders") == [("o1", 10)]
    with warehouse.connect() as connection:
        assert address_of(connection, "c1") is None
        assert address_of(connection, "c2") == "bob@example.com"


def test_no_feed_brings_the_person_back(warehouse: Engine, tmp_path: Path) -> None:
    """Rows of an erased key, or of an erased address under another key, are set aside without their text."""
    load(warehouse, tmp_path, ANN + BOB)
    erase(warehouse, "c1")
    again = ANN.replace("Ann@Example.com", "other@example.com")
    alias = ANN.replace("c1", "c9")
    odd = ANN.replace("c1", "c8").replace("Europe/London", "Nowhere")
    mangled = "c7,x," + ANN
    for _ in range(2):
        load(warehouse, tmp_path, again + alias + odd + mangled + BOB)
    assert rows(warehouse, "select customer_id, email from source.customer order by 1") == [
        ("c1", None), ("c2", "bob@example.com"),
    ]
    assert rows(warehouse, "select line, reason, row_text from source.rejected order by line") == [
        (2, "erased", None), (3, "erased", None), (4, "erased", None), (5, "erased", None),
    ]
    assert [word for word in ("ann@", "archer", "other@") if word in everything(warehouse)] == []


def test_permission_of_an_erased_person_stays_withdrawn(warehouse: Engine, tmp_path: Path) -> None:
    """Neither a feed nor a late confirmation changes the row of an erased person."""
    load(warehouse, tmp_path, ANN)
    erase(warehouse, "c1")
    load(warehouse, tmp_path, ANN.replace("confirmed", "pending"))
    with warehouse.begin() as connection:
        record_permission(connection, "c1", "confirmed", NOW + dt.timedelta(days=1), "preference_centre")
    assert rows(warehouse, "select permission from source.customer") == [("withdrawn",)]


def test_who_shares_the_address_lives_on(warehouse: Engine, tmp_path: Path) -> None:
    """If customers share the address, in any case of letters, one is erased and the other stays as they were."""
    load(warehouse, tmp_path, ANN + ANN.replace("c1", "c3").replace("Ann@", "ANN@") + BOB)
    before = rows(warehouse, "select * from source.customer where customer_id <> 'c3' order by 1")
    assert erase(warehouse, "c3") == Erasure(("c3",), 0, (), frozenset({"ann@example.com"}))
    assert rows(warehouse, "select * from source.customer where erased_at is null order by 1") == before
    assert rows(warehouse, "select email, permission from source.customer where customer_id = 'c3'") == [
        (None, "withdrawn")
    ]
    again = ANN.replace("Archer", "Baker")
    load(warehouse, tmp_path, again + ANN.replace("c1", "c3"))
    assert rows(warehouse, "select last_name from source.customer where customer_id = 'c1'") == [("Baker",)]
    assert rows(warehouse, "select line, customer_id, reason, row_text from source.rejected") == [
        (3, "c3", "erased", None)
    ]


SHARED = "jo@example.com,2026-01-01T00:00:00Z,Jo,Archer,Europe/London,confirmed,fair\n"


def people(warehouse: Engine) -> list[tuple[object, ...]]:
    query = "select customer_id, email, permission from source.customer where erased_at is null order by 1"
    return rows(warehouse, query)


def say_yes(warehouse: Engine, customer_id: str, at: dt.datetime) -> None:
    with warehouse.begin() as connection:
        record_permission(connection, customer_id, "confirmed", at, "confirmation")


@pytest.mark.parametrize("partner", ["", "old," + SHARED])
def test_who_is_new_comes_in_by_a_yes_alone(warehouse: Engine, tmp_path: Path, partner: str) -> None:
    """A customer first seen after an erasure at the address is kept out until they say yes themselves after it. It does
    not matter what the feed says, or whether another customer still has the address."""
    load(warehouse, tmp_path, "gone," + SHARED + partner)
    erase(warehouse, "gone")
    lives = [("old", "jo@example.com", "confirmed")] if partner else []
    load(warehouse, tmp_path, "new," + SHARED)
    assert people(warehouse) == lives
    say_yes(warehouse, "new", NOW)
    load(warehouse, tmp_path, "new," + SHARED)
    assert people(warehouse) == lives
    say_yes(warehouse, "new", NOW + dt.timedelta(hours=1))
    for _ in range(2):
        load(warehouse, tmp_path, "new," + SHARED + "other," + SHARED)
        assert people(warehouse) == [("new", "jo@example.com", "confirmed"), *lives]
    assert set(rows(warehouse, "select customer_id, reason, row_text from source.rejected")) == {
        ("new", "erased", None), ("other", "erased", None),
    }  # fmt: skip


def test_who_was_known_goes_on_and_who_is_new_may_not_move_in(warehouse: Engine, tmp_path: Path) -> None:
    """A customer known before the erasure takes the address over; one who came after it, elsewhere, does not."""
    load(warehouse, tmp_path, "gone," + SHARED + BOB)
    erase(warehouse, "gone")
    load(warehouse, tmp_path, ANN)
    load(warehouse, tmp_path, "c1," + SHARED + "c2," + SHARED)
    assert people(warehouse) == [
        ("c1", "Ann@Example.com", "confirmed"), ("c2", "jo@example.com", "confirmed"),
    ]
    assert rows(warehouse, "select line, customer_id, reason from source.rejected") == [(2, "c1", "erased")]


def test_a_no_of_who_is_kept_out_reaches_who_lives_on(warehouse: Engine, tmp_path: Path) -> None:
    """A refused new customer withdraws at the mailbox: its living holder has withdrawn. A row of an erased customer
    does not count."""
    load(warehouse, tmp_path, "gone," + SHARED + "old," + SHARED)
    erase(warehouse, "gone")
    load(warehouse, tmp_path, "gone," + SHARED.replace("confirmed", "withdrawn"))
    assert people(warehouse) == [("old", "jo@example.com", "confirmed")]
    load(warehouse, tmp_path, "new," + SHARED.replace("confirmed", "opted_out"))
    assert people(warehouse) == [("old", "jo@example.com", "withdrawn")]


def test_texts_set_aside_belong_to_somebody(warehouse: Engine, tmp_path: Path) -> None:
    """At a shared address the rows of the erased customer lose their text, and those of the other keep it. A row that
    comes later and names no customer loses its text."""
    bad = SHARED.replace("2026-01-01", "never")
    load(warehouse, tmp_path, "gone," + SHARED + "old," + SHARED)
    load(warehouse, tmp_path, "gone," + bad + "old," + bad + "," + SHARED)
    assert erase(warehouse, "gone").scrubbed == 1
    texts = "select line, customer_id, reason, row_text from source.rejected order by rejected_id"
    before = [
        (2, "gone", "unparsable_time", None),
        (3, "old", "unparsable_time", ("old," + bad).rstrip()),
        (4, None, "missing_value", ("," + SHARED).rstrip()),
    ]
    assert rows(warehouse, texts) == before
    bad = bad.replace("fair", "web")
    load(warehouse, tmp_path, "old," + bad + "," + bad + "new," + bad)
    assert rows(warehouse, texts)[3:] == [
        (2, "old", "unparsable_time", ("old," + bad).rstrip()),
        (3, None, "missing_value", None),
        (4, "new", "erased", None),
    ]


def test_the_newest_erasure_counts(warehouse: Engine, tmp_path: Path) -> None:
    """The second of a couple is erased later: the address stays one hash, of the later time and load."""
    load(warehouse, tmp_path, "gone," + SHARED + "old," + SHARED)
    erase(warehouse, "gone")
    load(warehouse, tmp_path, "old," + SHARED)
    with warehouse.begin() as connection:
        erase_customer(connection, "old", "secret", NOW + dt.timedelta(days=1))
    assert rows(warehouse, "select erased_at, load_id from source.erased_address") == [
        (NOW + dt.timedelta(days=1), 2)
    ]
    assert "jo@" not in everything(warehouse)


def test_erasing_twice_or_nobody_does_nothing(warehouse: Engine, tmp_path: Path) -> None:
    """A second erasure, and one of an unknown key, change nothing and say so."""
    load(warehouse, tmp_path, ANN)
    erase(warehouse, "c1")
    before = everything(warehouse)
    assert erase(warehouse, "c1") == erase(warehouse, "nobody") == Erasure((), 0)
    assert everything(warehouse) == before


def test_the_hash_is_keyed(warehouse: Engine, tmp_path: Path) -> None:
    """An address is kept only as sha256(secret, sha256(secret, address)), of the lower-case address."""
    load(warehouse, tmp_path, ANN)
    erase(warehouse, "c1")
    inner = hashlib.sha256(b"secret" + b"ann@example.com").digest()
    (kept,) = rows(warehouse, "select address_hash, erased_at from source.erased_address")
    assert (bytes(kept[0]), kept[1]) == (hashlib.sha256(b"secret" + inner).digest(), NOW)  # type: ignore[arg-type]
