"""Nothing of an erased person is left in a table or a statistics view, and nothing about them is learned later."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

import builders
from builders import NOON, insert, rows
from lifecycle_mail.errors import LifecycleError
from lifecycle_mail.pipeline import Installation
from lifecycle_mail.settings import Settings
from planning import BRAND, TOPICS, campaign_of, plan, topic_of
from privacy import columns_of, leaks
from running_services import clean_environment

SECRET = "a secret"
ADDRESS, FIRST, LAST = "zenobia.quirke@example.com", "Zenobia", "Quirke-Vandersloot"
REGION, CITY = "Unterquirkental", "Sankt Zenob am See"
WORDS = [ADDRESS, "zenobia.quirke", FIRST, LAST, REGION, CITY]
WORDS += [word.encode().hex() for word in WORDS]  # as bytes are shown
STAMP = "2026-03-01T10:00:00Z"

CUSTOMERS = (
    "customer_id,email,created_at,first_name,last_name,permission,permission_at,region,city,tier,permission_wording,"
    "permission_source\n"
    f"z,{ADDRESS},2026-01-01T00:00:00Z,{FIRST},{LAST},confirmed,2026-01-02T00:00:00Z,{REGION},{CITY},friend of {LAST},"
    f"I am {FIRST} and want mail,form of {ADDRESS}\n"
    "b,bo@example.com,2026-01-01T00:00:00Z,Bo,Berg,confirmed,2026-01-02T00:00:00Z,Jutland,Aarhus,gold,"
    "Send me mail,shop\n"
)
GIFT = f"GIFT-{ADDRESS},,{STAMP},2026-12-01T00:00:00Z,\n"
# Each feed with personal text in every place that has room for it, and a row of another person.
FEEDS = {
    "carts": "cart_id,customer_id,created_at,updated_at,status,url\n"
    f"kz,z,{STAMP},{STAMP},open,https://shop.example.com/cart?for={ADDRESS}\n"
    f"kb,b,{STAMP},{STAMP},open,https://shop.example.com/cart/kb\n",
    "cart_lines": "cart_id,product_id,quantity,unit_price\nkz,p1,1,2\nkb,p1,1,2\n",
    "orders": "order_id,customer_id,ordered_at,total,offer_code\n"
    f"oz,z,{STAMP},5,{FIRST.upper()}-{LAST.upper()}-10\nob,b,{STAMP},5,SPRING\n",
    "order_lines": "order_id,line_no,product_id,quantity,unit_price\noz,1,p1,1,5\nob,1,p1,1,5\n",
    "page_views": f"view_id,customer_id,viewed_at,topic\nvz,z,{STAMP},gifts for {FIRST}\nvb,b,{STAMP},gifts\n",
    "lead_actions": "action_id,customer_id,kind,subject,acted_at\n"
    f"az,z,webinar,{FIRST} {LAST} asks,{STAMP}\nay,z,call with {LAST},,{STAMP}\nab,b,webinar,Bo asks,{STAMP}\n",
    "reviews": f"review_id,customer_id,product_id,rating,reviewed_at\nrz,z,p1,5,{STAMP}\nrb,b,p1,5,{STAMP}\n",
    "offers": "offer_code,customer_id,valid_from,valid_until,redeemed_at\n"
    f"{FIRST.upper()}-{LAST.upper()}-10,z,{STAMP},2026-12-01T00:00:00Z,{STAMP}\n"
    f"{GIFT}SPRING,b,{STAMP},2026-12-01T00:00:00Z,\n",
    "contracts": f"contract_id,customer_id,starts_at,ends_at\ntz,z,{STAMP},{STAMP}\ntb,b,{STAMP},{STAMP}\n",
    "registrations": "occasion_id,customer_id,registered_at,status\n"
    f"w,z,{STAMP},registered\nw,b,{STAMP},registered\n",
    "referrals": "referral_id,customer_id,referred_customer_id,referred_at\n"
    f"fz,z,b,{STAMP}\nfb,b,z,{STAMP}\nfbb,b,c,{STAMP}\n",
}
REFUSED = (
    "customer_id,email,created_at,first_name,last_name\n"
    f"z,{ADDRESS},yesterday,{FIRST},{LAST}\n"
    f",nowhere,2026-01-01T00:00:00Z,{FIRST},{LAST}\n"
    ",nowhere,2026-01-01T00:00:00Z,Bo,Berg\n"
)
TABLES = {
    "carts": "cart", "cart_lines": "cart_line", "orders": "orders", "order_lines": "order_line",
    "page_views": "page_view", "lead_actions": "lead_action", "reviews": "review", "offers": "offer",
    "contracts": "contract", "registrations": "registration", "referrals": "referral",
}  # fmt: skip


class World:
    """A warehouse in which z is known everywhere, with feeds and exports of its own."""

    def __init__(self, warehouse: Engine, folder: Path) -> None:
        self.warehouse, self.feeds, self.exports = warehouse, folder / "feeds", folder / "exports"
        for each in (self.feeds, self.exports):
            each.mkdir()
        settings = Settings(
            database_url=warehouse.url.render_as_string(hide_password=False), link_secret=SECRET,
            events_dir=self.exports,
        )  # fmt: skip
        self.installation = Installation(settings, warehouse, {**TOPICS, "reminders": topic_of()}, BRAND)

    def load(self, **texts: str) -> None:
        for old in self.feeds.iterdir():
            old.unlink()
        for feed, text in texts.items():
            (self.feeds / f"{feed}.csv").write_text(text)
        self.installation.load(self.feeds)

    def report(self, *events: dict[str, Any]) -> None:
        with (self.exports / "export.ndjson").open("ab") as file:
            file.write(b"".join(orjson.dumps(event) + b"\n" for event in events))
        self.installation.ingest()

    def rows(self, query: str, **parameters: Any) -> list[tuple[Any, ...]]:
        with self.warehouse.connect() as connection:
            return rows(connection, query, **parameters)

    def places(self) -> dict[str, str]:
        """Every column of every table, every column of the statistics, and every export file, as text."""
        found = columns_of(self.warehouse)
        with self.warehouse.connect() as connection:
            for place, text in connection.execute(sa.text(
                "select 'pg_stats: ' || schemaname || '.' || tablename || '.' || attname,"
                " concat_ws(' ', most_common_vals::text, histogram_bounds::text, most_common_elems::text)"
                " from pg_stats where schemaname not in ('pg_catalog', 'information_schema')"
            )):  # fmt: skip
                found[place] = text
        return found | {str(file): file.read_text() for file in self.exports.iterdir()}

    def leaks(self) -> set[tuple[str, str]]:
        return leaks(self.places(), WORDS)


@pytest.fixture
def world(warehouse: Engine, tmp_path: Path) -> Iterator[World]:
    """z and b are loaded, mailed, and known to every table; then the planner's statistics are collected."""
    made = World(warehouse, tmp_path)
    made.load(customers=CUSTOMERS, **FEEDS)
    made.load(customers=REFUSED)
    with warehouse.begin() as connection:
        for one in "zb":
            context = orjson.dumps({"product_id": "p1", "note": f"for {FIRST} {LAST}", "to": ADDRESS}).decode()
            insert(
                connection, "segment.membership", segment="cart_abandoned", customer_id=one, occurrence=f"k{one}@1",
                occurred_at=NOON, entered_at=NOON, context=context if one == "z" else '{"product_id": "p1"}',
            )  # fmt: skip
    plan(warehouse, campaign_of(), topic_of())
    with warehouse.begin() as connection:
        connection.execute(sa.text(
            "update message.message set subject = :text, slots = cast(:text as bytea) where customer_id = 'z'"
        ), {"text": f"{FIRST}, your basket"})  # fmt: skip
        (mail,) = rows(connection, "select message_id::text from message.message where customer_id = 'z'")
        insert(
            connection, "event.suppression_lift", address=ADDRESS, lifted_at=NOON, lifted_by="support",
            because="asked", lifted=[], taken_off=[],
        )  # fmt: skip
    told = {"email": ADDRESS, "timestamp": int(NOON.timestamp()), "lm_message_id": mail[0]}
    made.report(
        {**told, "event": "bounce", "type": "blocked", "sg_event_id": "1", "reason": f"mailbox of {FIRST} is full"},
        {**told, "event": "group_unsubscribe", "asm_group_id": 1, "sg_event_id": "2"},
        {**told, "event": "group_resubscribe", "asm_group_id": 1, "sg_event_id": "3"},
    )
    with warehouse.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("analyze")
    return made


def test_nothing_of_the_person_is_left(world: World) -> None:
    """Address and name stood in every feed's texts, offer codes, snapshots, mails, events, reasons, rows set aside, the
    log of lifts, and pg_stats. After `erase` they stand nowhere, and of the other person nothing is gone."""
    places = {place.removeprefix("pg_stats: ") for place, _ in world.leaks()}
    assert {
        "source.cart.url", "source.lead_action.subject", "source.lead_action.kind", "source.page_view.topic",
        "source.offer.offer_code", "source.orders.offer_code", "journey.enrollment.context",
        "segment.membership.context", "source.rejected.row_text", "event.engagement.reason",
        "event.suppression_lift.address", "event.soft_bounce.address", "event.suppression.address",
        "message.message.slots", "message.message.subject", "event.event.raw", "source.customer.region",
        "source.customer.city", "source.customer.tier", "source.permission_change.permission_wording",
        "source.permission_change.permission_source",
    } <= places  # fmt: skip
    assert any(place.startswith("pg_stats") for place, _ in world.leaks())
    others = {feed: world.rows(f"select * from source.{table} where {of_b}") for feed, table, of_b in OF_B}  # noqa: S608

    assert world.installation.erase("z", NOON)

    assert world.leaks() == set()
    assert others == {feed: world.rows(f"select * from source.{table} where {of_b}") for feed, table, of_b in OF_B}  # noqa: S608
    assert world.rows("select row_text from source.rejected where row_text is not null") == [
        (",nowhere,2026-01-01T00:00:00Z,Bo,Berg",)
    ]
    kept = world.rows("select context from segment.membership where customer_id = 'b'")
    assert kept == [({"product_id": "p1"},)]
    proof = "select permission_wording, permission_source from source.permission_change where customer_id = 'b'"
    assert world.rows(proof) == [("Send me mail", "shop")]
    assert world.rows("select count(*) from source.orders where customer_id = 'z'") == [(1,)]
    assert world.rows("select referral_id, referred_customer_id from source.referral order by 1") == [
        ("fb", None), ("fbb", "c"), ("fz", "b"),
    ]
    assert world.rows("select count(*) from source.offer where customer_id = 'z' and redeemed_at is not null") == [(1,)]


OF_B = [
    ("carts", "cart", "customer_id = 'b'"), ("cart_lines", "cart_line", "cart_id = 'kb'"),
    ("orders", "orders", "customer_id = 'b'"), ("order_lines", "order_line", "order_id = 'ob'"),
    ("page_views", "page_view", "customer_id = 'b'"), ("lead_actions", "lead_action", "customer_id = 'b'"),
    ("reviews", "review", "customer_id = 'b'"), ("offers", "offer", "customer_id = 'b'"),
    ("contracts", "contract", "customer_id = 'b'"), ("registrations", "registration", "customer_id = 'b'"),
]  # fmt: skip


def test_later_rows_of_the_person_are_set_aside_in_every_feed(world: World) -> None:
    """The same files and newer rows come again: of the erased person nothing is learned, lines of a new order and a new
    cart included; the reason is `erased`, and no text is kept. The other person's rows load."""
    assert world.installation.erase("z", NOON)
    before = {table: world.rows(f"select * from source.{table} order by 1, 2") for table in TABLES.values()}  # noqa: S608
    again = FEEDS | {"offers": FEEDS["offers"].replace(GIFT, "")}  # a row that names no customer
    world.load(customers=CUSTOMERS, **again)
    assert before == {table: world.rows(f"select * from source.{table} order by 1, 2") for table in TABLES.values()}  # noqa: S608

    later = {feed: text.replace("kz,", "kz2,").replace("oz,", "oz2,") for feed, text in again.items()}
    later = {
        feed: text.replace("vz,", "vz2,").replace("az,", "az2,").replace("rz,", "rz2,").replace("-10,", "-20,")
        .replace("tz,", "tz2,").replace("w,z,", "w2,z,").replace("fz,", "fz2,").replace("fb,", "fb2,")
        for feed, text in later.items()
    }
    later["orders"] += f"ob2,b,{STAMP},5,\n"
    later["order_lines"] += "ob2,1,p1,1,5\n"
    world.load(customers=CUSTOMERS, **later)
    assert world.rows("select order_id from source.orders order by 1") == [("ob",), ("ob2",), ("oz",)]
    assert world.rows("select order_id from source.order_line order by 1") == [("ob",), ("ob2",), ("oz",)]
    assert world.rows("select cart_id from source.cart order by 1") == [("kb",), ("kz",)]
    assert world.rows("select cart_id from source.cart_line order by 1") == [("kb",), ("kz",)]
    assert world.rows("select view_id from source.page_view order by 1") == [("vb",), ("vz",)]
    assert world.rows("select contract_id from source.contract order by 1") == [("tb",), ("tz",)]
    assert world.rows("select customer_id from source.registration order by occasion_id, 1") == [("b",), ("z",)]
    assert world.rows("select referral_id, referred_customer_id from source.referral order by 1") == [
        ("fb", None), ("fb2", None), ("fbb", "c"), ("fz", "b"),
    ]
    aside = world.rows(
        "select distinct feed, row_text from source.rejected where reason = 'erased' and feed <> 'customers' order by 1"
    )
    assert aside == [(feed, None) for feed in sorted(TABLES)]
    assert world.leaks() == set()


def test_a_key_that_comes_with_an_erased_address_has_no_facts_either(world: World) -> None:
    """The person registers again under another key with the old address, and is refused: so are their orders."""
    assert world.installation.erase("z", NOON)
    again = CUSTOMERS.replace("z,", "z9,", 1)
    world.load(customers=again, orders=f"order_id,customer_id,ordered_at,total\no9,z9,{STAMP},5\n")
    assert world.rows("select * from source.orders where customer_id = 'z9'") == []
    assert world.rows("select reason from source.rejected where feed = 'orders' and customer_id = 'z9'") == [
        ("erased",)
    ]


def lone_events(address: str) -> list[dict[str, Any]]:
    told = {"email": address, "timestamp": int((NOON - timedelta(days=1)).timestamp())}
    return [
        {**told, "event": "spamreport", "sg_event_id": "l1", "ip": "192.0.2.7"},
        {**told, "event": "open", "sg_event_id": "l2", "useragent": f"Mail of {address}"},
    ]


def test_a_person_known_by_address_alone_is_erased(world: World) -> None:
    """Suppression, raw events, a row set aside and the lines of export files go. A later feed with the address is
    refused, and later events are kept without it. A second time, and for an unknown address, it says so."""
    lone = "lone.stranger@example.com"
    world.report(*lone_events(lone))
    world.load(customers=f"customer_id,email,created_at\nq,{lone.title()},yesterday\n")
    assert leaks(world.places(), [lone])
    assert world.installation.erase(lone.title(), NOON)
    assert leaks(world.places(), [lone]) == set()
    assert not world.installation.erase(lone, NOON)
    assert not world.installation.erase("unheard.of@example.com", NOON)
    assert world.rows("select count(*) from source.erased_address") == [(1,)]

    world.load(customers=f"customer_id,email,created_at\nq,{lone},2026-01-01T00:00:00Z\n")
    (world.exports / "late.ndjson").write_bytes(orjson.dumps({**lone_events(lone)[0], "sg_event_id": "l3"}) + b"\n")
    world.installation.ingest()
    assert leaks(columns_of(world.warehouse), [lone]) == set()
    assert world.rows("select customer_id from source.customer where customer_id = 'q'") == []


def test_an_address_stands_for_the_one_customer_who_holds_it(world: World) -> None:
    """If several hold it, or only former holders exist, no one is erased, and the line names their keys."""
    assert world.installation.erase(ADDRESS.upper(), NOON)
    assert world.rows("select customer_id from source.customer where erased_at is not null") == [("z",)]
    with world.warehouse.begin() as connection:
        for one in ("c", "d"):
            builders.customer(connection, one, email="couple@example.com")
        insert(connection, "source.former_address", customer_id="c", address="old@example.com")
    for address, keys in (("couple@example.com", "c, d"), ("old@example.com", "c")):
        with pytest.raises(LifecycleError, match=f"customers {keys} h"):
            world.installation.erase(address, NOON)
    assert world.rows("select count(*) from source.customer where erased_at is not null") == [(1,)]


def test_the_command_takes_a_key_or_an_address(world: World) -> None:
    """`erase ADDRESS` works, does not say the address again, and exits 1 if there is no one to erase."""
    world.report(*lone_events("lone@example.com"))
    environment = clean_environment(
        LIFECYCLE_DATABASE_URL=world.installation.settings.database_url, LIFECYCLE_LINK_SECRET=SECRET,
        LIFECYCLE_EVENTS_DIR=str(world.exports), PATH=os.environ["PATH"],
    )  # fmt: skip
    command = [sys.executable, "-m", "lifecycle_mail", "erase", "lone@example.com"]
    first, second = (
        subprocess.run(command, env=environment, capture_output=True, text=True, check=False) for _ in range(2)
    )
    assert (first.returncode, second.returncode) == (0, 1), first.stderr + second.stderr
    said = first.stdout + first.stderr + second.stdout + second.stderr
    assert "is erased" in first.stdout
    assert "lone@" not in said
