"""Who clicked: people, known scanners, or in doubt; and what follows from each."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy.engine import Engine

import builders
from builders import NOON, rows
from lifecycle_mail.database import run, statement
from lifecycle_mail.events import footer_links, ingest, settle_clicks
from lifecycle_mail.kpis import roll_up

PHONE, LAPTOP, SCANNER = "Mozilla/5.0 (iPhone)", "Mozilla/5.0 (Macintosh)", "Barracuda Sentinel"
DELIVERED = 60  # seconds after noon


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


# customer → clicks as (seconds after noon, link, agent); every mail was delivered at 60 s.
CLICKS: dict[str, list[tuple[int, str, str]]] = {
    "plain": [(3600, "a", PHONE)],
    "known": [(3600, "a", SCANNER), (3601, "b", SCANNER)],
    "at_delivery": [(63, "a", LAPTOP)],
    "edge": [(70, "a", LAPTOP)],
    "after_edge": [(71, "a", LAPTOP)],
    "pair": [(3600, "a", LAPTOP), (3602, "b", LAPTOP)],
    "apart": [(3600, "a", LAPTOP), (3603, "b", LAPTOP)],
    "twice": [(3600, "a", LAPTOP), (3601, "a", LAPTOP)],
    "person_later": [(63, "a", LAPTOP), (3600, "a", PHONE)],
    "scanner_again": [(63, "a", LAPTOP), (7200, "b", LAPTOP)],
    "too_soon": [(63, "a", LAPTOP), (123, "a", PHONE)],
    "just_later": [(63, "a", LAPTOP), (124, "a", PHONE)],
    "scanner_and_person": [(3600, "a", SCANNER), (7200, "b", PHONE)],
    "bought": [(63, "a", LAPTOP)],
    "looked": [(63, "a", LAPTOP)],
    "bought_late": [(63, "a", LAPTOP)],
    "cancelled": [(63, "a", LAPTOP)],
    "bought_before": [(63, "a", LAPTOP)],
    "scanner_bought": [(63, "a", SCANNER)],
}
ORDERS = {
    "bought": (63 + 86400, "placed"), "bought_late": (64 + 86400, "placed"), "cancelled": (3600, "cancelled"),
    "bought_before": (62, "placed"), "scanner_bought": (3600, "placed"),
}  # fmt: skip
VIEWS = {"looked": 63 + 86400}

# customer → first and last click of a person, first of a machine or in doubt, newest in doubt, newest unsure
EXPECTED: dict[str, tuple[int | None, ...]] = {
    "plain": (3600, 3600, None, None, None),
    "known": (None, None, 3600, None, None),
    "at_delivery": (None, None, 63, 63, 63),
    "edge": (None, None, 70, 70, 70),
    "after_edge": (71, 71, None, None, None),
    "pair": (None, None, 3600, 3602, 3602),
    "apart": (3600, 3603, None, None, None),
    "twice": (3600, 3601, None, None, None),
    "person_later": (3600, 3600, 63, 63, 63),
    "scanner_again": (None, None, 63, 7200, 7200),
    "too_soon": (None, None, 63, 123, 123),
    "just_later": (124, 124, 63, 63, 63),
    "scanner_and_person": (7200, 7200, 3600, None, None),
    "bought": (63, 63, None, None, 63),
    "looked": (63, 63, None, None, 63),
    "bought_late": (None, None, 63, 63, 63),
    "cancelled": (None, None, 63, 63, 63),
    "bought_before": (None, None, 63, 63, 63),
    "scanner_bought": (None, None, 63, None, None),
}
FOUND = """
    select customer_id, first_click_at, last_click_at, first_machine_click_at, last_doubtful_click_at,
           last_unsure_click_at
    from event.engagement order by customer_id
"""


def expected() -> list[tuple[Any, ...]]:
    return [
        (name, *(None if one is None else at(one) for one in EXPECTED[name])) for name in sorted(EXPECTED)
    ]


@pytest.fixture
def mails(warehouse: Engine) -> dict[str, str]:
    with warehouse.begin() as connection:
        load_id = builders.load(connection)
        builders.campaign(connection)
        ids = {}
        for name in CLICKS:
            builders.customer(connection, name, load_id=load_id)
            enrollment = builders.enrollment(connection, "cart_abandoned", name)
            builders.decision(connection, enrollment, "cart_abandoned", name)
            ids[name] = builders.message(connection, enrollment, "cart_abandoned", name)
    return ids


def events_of(mails: dict[str, str]) -> Iterator[dict[str, Any]]:
    for name, clicks in CLICKS.items():
        yield event("delivered", name, mails, DELIVERED)
        for seconds, link, agent in clicks:
            yield event("click", name, mails, seconds, url=f"https://shop.example.com/{link}", useragent=agent)


def event(kind: str, who: str, mails: dict[str, str], seconds: int, **fields: Any) -> dict[str, Any]:
    return {
        "email": f"{who}@example.com", "timestamp": int(at(seconds).timestamp()), "event": kind,
        "sg_event_id": f"{kind}-{who}-{seconds}-{fields.get('url')}-{fields.get('useragent')}",
        "lm_message_id": mails[who], **fields,
    }  # fmt: skip


def buy_and_look(warehouse: Engine) -> None:
    with warehouse.begin() as connection:
        load_id = builders.load(connection)
        for name, (seconds, status) in ORDERS.items():
            builders.order(connection, f"O-{name}", name, at(seconds), status=status, load_id=load_id)
        for name, seconds in VIEWS.items():
            builders.insert(
                connection, "source.page_view",
                view_id=f"V-{name}", customer_id=name, viewed_at=at(seconds), load_id=load_id,
            )  # fmt: skip


@pytest.fixture
def take(warehouse: Engine, tmp_path: Path) -> Callable[[list[dict[str, Any]]], None]:
    numbers = itertools.count()

    def write_and_ingest(events: list[dict[str, Any]]) -> None:
        path = tmp_path / f"export-{next(numbers)}.ndjson"
        path.write_bytes(b"".join(orjson.dumps(one) + b"\n" for one in events))
        ingest(warehouse, path)

    return write_and_ingest


def found(warehouse: Engine) -> list[tuple[Any, ...]]:
    with warehouse.connect() as connection:
        return rows(connection, FOUND)


def test_clicks_are_told_apart(
    warehouse: Engine, mails: dict[str, str], take: Callable[[list[dict[str, Any]]], None]
) -> None:
    """A known agent is a machine. A click within 10 s of delivery, or within 2 s of one on another link, looks like a
    machine's. Others of its agent, or within 60 s, share the doubt. An order or a page view within 24 h takes it away.
    Activity and KPIs count people alone, and a click is an open."""
    buy_and_look(warehouse)
    take(list(events_of(mails)))
    assert found(warehouse) == expected()
    people = sorted(name for name, times in EXPECTED.items() if times[0] is not None)
    roll_up(warehouse, reporting_zone="UTC", now=at(5 * 86400))
    with warehouse.connect() as connection:
        clicked = "select customer_id from source.customer_activity where last_click_at is not null order by 1"
        assert [name for (name,) in rows(connection, clicked)] == people
        assert rows(
            connection, "select delivered, openers, clickers, machine_openers, machine_clickers from kpi.campaign_daily"
        ) == [(len(CLICKS), len(people), len(people), 0, sum(times[2] is not None for times in EXPECTED.values()))]
    before = found(warehouse)
    take(list(events_of(mails)))
    assert found(warehouse) == before


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_events_and_loads_does_not_matter(
    warehouse: Engine, mails: dict[str, str], take: Callable[[list[dict[str, Any]]], None], seed: int
) -> None:
    """Events in any order and parts, with orders and page views loaded before or between them, end in the same clicks
    and the same activity as one ingest of all."""
    chance = random.Random(seed)
    events = list(events_of(mails))
    chance.shuffle(events)
    parts = [events[number::4] for number in range(4)]
    for number, part in enumerate(parts):
        if number == seed:
            buy_and_look(warehouse)
        take(part)
    assert found(warehouse) == expected()
    with warehouse.connect() as connection:
        kept = rows(connection, "select customer_id, last_click_at from source.customer_activity order by 1")
        computed = statement("sources/activity_full").text
        full = rows(connection, f"select customer_id, last_click_at from ({computed}) as f order by 1")  # noqa: S608
    assert [one for one in kept if one[1]] == [one for one in full if one[1]]
    # The rows that orders and page views make are made by their load.
    by_loads = {*ORDERS, *VIEWS}
    assert {name for name, _ in kept} - by_loads == {name for name, _ in full} - by_loads


def test_an_order_that_comes_last_confirms_and_a_cancelled_one_takes_it_back(
    warehouse: Engine, mails: dict[str, str], take: Callable[[list[dict[str, Any]]], None]
) -> None:
    """A load after the ingest decides about doubtful clicks at once, in both directions, and the numbers follow."""
    take(list(events_of(mails)))
    buy_and_look(warehouse)
    assert settle_clicks(warehouse) == 2
    assert found(warehouse) == expected()
    assert settle_clicks(warehouse) == 0
    roll_up(warehouse, reporting_zone="UTC", now=at(5 * 86400))
    clickers = "select clickers, machine_clickers from kpi.campaign_daily"
    with warehouse.begin() as connection:
        ((before, machines),) = rows(connection, clickers)
        connection.exec_driver_sql("update source.orders set status = 'cancelled' where customer_id = 'bought'")
    assert settle_clicks(warehouse) == 1
    roll_up(warehouse, reporting_zone="UTC", now=at(5 * 86400))
    with warehouse.connect() as connection:
        assert rows(connection, clickers) == [(before - 1, machines + 1)]


def test_a_click_on_a_link_of_the_footer_is_no_click(
    warehouse: Engine, mails: dict[str, str], tmp_path: Path
) -> None:
    """Mails that went before these links said clicktracking="off" report such clicks. Who leaves, or looks at the
    preferences, is not interested in the mail. A page below the preferences is another page."""
    links = {
        "plain": "https://mail.example.com/unsubscribe/abc.def?utm_source=x",
        "known": "HTTPS://Mail.example.com/unsubscribe/abc.def/",
        "pair": "https://shop.example.com/preferences/#topics",
        "edge": "https://shop.example.com/preferences/colours",
        "apart": "https://mail.example.com/unsubscribed",
        "just_later": "https://pages.example.com/m/abc/survey/size/small",
    }
    told = [event("click", name, mails, 3600, url=link, useragent=PHONE) for name, link in links.items()]
    told.append({**event("click", "twice", mails, 3600, url=links["plain"]), "lm_message_id": ""})
    (tmp_path / "export.json").write_bytes(orjson.dumps(told))
    of_shop = "https://shop.example.com/preferences"
    quiet = footer_links("https://mail.example.com/", "https://pages.example.com", of_shop)
    assert ingest(warehouse, tmp_path / "export.json", footer_links=quiet).inserted == len(told)
    clicked = {name: first for name, first, *_ in found(warehouse)}
    assert clicked == {
        "plain": None, "known": None, "pair": None, "edge": at(3600), "apart": at(3600), "just_later": None,
    }  # fmt: skip


def test_only_people_end_series_and_meet_conditions(
    warehouse: Engine, mails: dict[str, str], take: Callable[[list[dict[str, Any]]], None]
) -> None:
    """A scanner's click, or a doubtful one, is no activity that ends a series, and opens no mail."""
    take(list(events_of(mails)))
    people = {"plain", "after_edge", "apart", "twice", "person_later", "just_later", "scanner_and_person"}
    with warehouse.begin() as connection:
        connection.exec_driver_sql("""
            create temporary table series on commit drop as
            select enrollment_id, campaign, 'reminders' as topic, customer_id, occurred_at, enrolled_at, context,
                   true as may_have_left
            from journey.enrollment
        """)
        connection.exec_driver_sql("""
            create temporary table asked on commit drop as
            select enrollment_id as step_due_id, enrollment_id, customer_id, campaign,
                   enrolled_at + interval '9 days' as due_at, false as is_holdout, occurred_at, enrolled_at, context,
                   cast('{"step": "reminder"}' as jsonb) as value
            from journey.enrollment
        """)
        names = dict(rows(connection, "select enrollment_id, customer_id from journey.enrollment"))
        ended = {names[row.enrollment_id] for row in run(connection, "journeys/exits/activity")}
        opened = {names[row.step_due_id] for row in run(connection, "decisions/conditions/opened")}
    assert (ended, opened) == (people, people)
