"""Erasure in the sources stage: no personal value stays, and no later feed brings the person back."""

from __future__ import annotations

import datetime as dt
import hashlib
from pathlib import Path

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


def test_every_customer_of_the_address_is_erased(warehouse: Engine, tmp_path: Path) -> None:
    """Customers that share the address, in any case of letters, are the same person and go together."""
    load(warehouse, tmp_path, ANN + ANN.replace("c1", "c3").replace("Ann@", "ANN@") + BOB)
    assert erase(warehouse, "c3").customer_ids == ("c1", "c3")
    assert rows(warehouse, "select customer_id from source.customer where erased_at is null") == [("c2",)]


def test_erasing_twice_or_nobody_does_nothing(warehouse: Engine, tmp_path: Path) -> None:
    """A second erasure, and one of an unknown key, change nothing and say so."""
    load(warehouse, tmp_path, ANN)
    erase(warehouse, "c1")
    before = everything(warehouse)
    assert erase(warehouse, "c1") == erase(warehouse, "nobody") == Erasure((), 0)
    assert everything(warehouse) == before


def test_the_hash_is_keyed(warehouse: Engine, tmp_path: Path) -> None:
    """What is kept of an address is sha256(secret, sha256(secret, address)), of the lower-case address."""
    load(warehouse, tmp_path, ANN)
    erase(warehouse, "c1")
    inner = hashlib.sha256(b"secret" + b"ann@example.com").digest()
    (kept,) = rows(warehouse, "select address_hash, erased_at from source.erased_address")
    assert (bytes(kept[0]), kept[1]) == (hashlib.sha256(b"secret" + inner).digest(), NOW)  # type: ignore[arg-type]
