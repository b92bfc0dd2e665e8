"""What feeds say of place, tier, offers and occasions. The proof of consent lies in the log, with its word."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from lifecycle_mail.sources import load_feeds, record_permission

NOW = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)
START = "2026-01-01T00:00:00Z"


def load(warehouse: Engine, folder: Path, now: dt.datetime = NOW, **texts: str) -> Any:
    for old in folder.glob("*.csv"):
        old.unlink()
    for feed, text in texts.items():
        (folder / f"{feed}.csv").write_text(text)
    return load_feeds(warehouse, folder, link_secret="secret", now=now)


def rows(warehouse: Engine, query: str) -> list[tuple[Any, ...]]:
    with warehouse.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.text(query))]


LOG = """select permission, to_char(permission_at at time zone 'UTC', 'MM-DD'), permission_wording, permission_source
    from source.permission_change order by permission_at, permission"""
HEADER = "customer_id,email,created_at,permission,permission_at"
PROVEN = f"{HEADER},permission_wording,permission_source"
ROW = f"c,c@example.com,{START},"


def test_proof_lies_with_the_word_of_its_row(warehouse: Engine, tmp_path: Path) -> None:
    """Each word has the wording and the place of its own row; of rows that say the same, the last one's.

    A row without them, and another proof of a word that has one, change nothing.
    """
    load(
        warehouse, tmp_path,
        customers=f"{PROVEN}\n{ROW}pending,2026-02-01T00:00:00Z,old text,till\n"
        f"{ROW}pending,2026-02-01T00:00:00Z,Yes to mail,till\n{ROW}confirmed,2026-03-01T00:00:00Z,,link\n",
    )  # fmt: skip
    proven = [("pending", "02-01", "Yes to mail", "till"), ("confirmed", "03-01", None, "link")]
    assert rows(warehouse, LOG) == proven
    load(warehouse, tmp_path, customers=f"{HEADER}\n{ROW}confirmed,2026-03-01T00:00:00Z\n")
    load(warehouse, tmp_path, customers=f"{PROVEN}\n{ROW}confirmed,2026-03-01T00:00:00Z,other,other\n")
    assert rows(warehouse, LOG) == proven
    load(warehouse, tmp_path, customers=f"{PROVEN}\n{ROW}withdrawn,2026-04-01T00:00:00Z,No more,letter\n")
    assert rows(warehouse, LOG) == [*proven, ("withdrawn", "04-01", "No more", "letter")]


def test_proof_may_come_later(warehouse: Engine, tmp_path: Path) -> None:
    """If a shop adds the columns to its export, what it said before gets its proof, dated or not.

    What the person said to us gets none by the feed.
    """
    other = f"d,d@example.com,{START},pending,"
    load(warehouse, tmp_path, customers=f"{HEADER}\n{ROW}confirmed,2026-03-01T00:00:00Z\n{other}\n")
    with warehouse.begin() as connection:
        record_permission(connection, "d", "pending", dt.datetime(2026, 5, 1, tzinfo=dt.UTC), "preference_centre")
    report = load(
        warehouse, tmp_path,
        customers=f"{PROVEN}\n{ROW}confirmed,2026-03-01T00:00:00Z,Yes to mail,shop\n{other},Box ticked,fair\n",
    )  # fmt: skip
    assert rows(warehouse, LOG) == [
        ("pending", "01-01", "Box ticked", "fair"), ("confirmed", "03-01", "Yes to mail", "shop"),
        ("pending", "05-01", None, None),
    ]  # fmt: skip
    assert report.feeds["customers"].changed == 0


def test_absent_columns_of_place_and_tier_change_nothing(warehouse: Engine, tmp_path: Path) -> None:
    """A file without region, city and tier keeps them; an empty value takes one away. A link as a city is left out."""
    full = "customer_id,email,created_at,region,city,tier"
    ask = "select region, city, tier from source.customer"
    load(warehouse, tmp_path, customers=f"{full}\n{ROW}Jutland, Aarhus ,gold\n")
    assert rows(warehouse, ask) == [("Jutland", "Aarhus", "gold")]
    load(warehouse, tmp_path, customers=f"customer_id,email,created_at\nc,c2@example.com,{START}\n")
    assert rows(warehouse, ask) == [("Jutland", "Aarhus", "gold")]
    load(warehouse, tmp_path, customers=f"{full}\n{ROW}Jutland,,silver\n")
    assert rows(warehouse, ask) == [("Jutland", None, "silver")]


def test_unreadable_values_of_the_new_feeds(warehouse: Engine, tmp_path: Path) -> None:
    """A status, kind, amount or currency that cannot be read sets its row aside; an unreadable time of a status, and an
    end before its beginning of an occasion, are left out alone."""
    offer = "offer_code,kind,amount,currency,valid_from,valid_until"
    late = "2026-03-01T00:00:00Z"
    load(
        warehouse, tmp_path,
        occasions=f"occasion_id,name,kind,starts_at,ends_at\nw,Tea,webinar,{late},{START}\n",
        registrations="occasion_id,customer_id,registered_at,status,status_at\n"
        f"w,c,{START},registered,soon\nw,d,{START},perhaps,\n",
        contracts=f"contract_id,customer_id,starts_at,ends_at,status\nt,c,{START},{late},paused\nu,c,{late},{START},\n",
        offers=f"{offer}\nA,amount,5,EUR,{START},{late}\nB,amount,-5,EUR,{START},{late}\nC,amount,5,euro,{START},{late}\n"
        f"D,voucher,,,{START},{late}\nE,free_shipping,,,{START},{late}\n",
    )  # fmt: skip
    assert rows(warehouse, "select feed, line, reason, is_loaded from source.rejected order by 1, 2") == [
        ("contracts", 2, "unknown_status", False), ("contracts", 3, "ends_before_start", False),
        ("occasions", 2, "ends_before_start", True),
        ("offers", 3, "negative_amount", False), ("offers", 4, "invalid_currency", False),
        ("offers", 5, "unknown_kind", False),
        ("registrations", 2, "unparsable_time", True), ("registrations", 3, "unknown_status", False),
    ]  # fmt: skip
    assert rows(warehouse, "select offer_code, kind, amount::int, currency from source.offer order by 1") == [
        ("A", "amount", 5, "EUR"), ("E", "free_shipping", None, None),
    ]
    registered = rows(warehouse, "select customer_id, status, status_at from source.registration")
    assert registered == [("c", "registered", None)]
    assert rows(warehouse, "select ends_at from source.occasion") == [(None,)]


def test_what_waits_for_an_occasion_is_told(warehouse: Engine, tmp_path: Path) -> None:
    """Registrations, contracts and referrals that name what no feed has brought are told and listed, until it comes."""
    facts = {
        "registrations": f"occasion_id,customer_id,registered_at,status\nw,c,{START},registered\n",
        "contracts": f"contract_id,customer_id,starts_at,ends_at\nt,c,{START},{START}\n",
        "referrals": f"referral_id,customer_id,referred_at\nf,c,{START}\n",
    }
    waiting = [(one.feed, one.names) for one in load(warehouse, tmp_path, **facts).waiting]
    listed = rows(warehouse, "select feed, refers_to from source.unmatched_reference order by 1, 2")
    assert waiting == listed == [
        ("contracts", "customers"), ("referrals", "customers"), ("registrations", "customers"),
        ("registrations", "occasions"),
    ]  # fmt: skip
    home = {
        "customers": f"customer_id,email,created_at\n{ROW}\n".replace(",\n", "\n"),
        "occasions": f"occasion_id,name,kind,starts_at\nw,Tea,webinar,{START}\n",
    }
    assert load(warehouse, tmp_path, **home).waiting == ()
    assert rows(warehouse, "select * from source.unmatched_reference") == []
