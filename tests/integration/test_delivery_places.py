"""Places in a recipient's day or week: as many as the cap, whichever claims ask for them and in whatever order."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy.engine import Connection, Engine

from builders import insert, rows, waiting_for_locks
from lifecycle_mail.database import bigints, run, texts
from local_stack.processes import wait_until

MONDAY = "2026-03-02"


def key(name: str) -> str:
    return f"{name}@example.com"


def held(connection: Connection, name: str, *places: int, day: str = MONDAY) -> None:
    """Places that other mails have in a person's day."""
    query = "select cast(cast(md5(:address) as uuid) as text)"
    ((address_key,),) = rows(connection, query, address=key(name))
    for place in places:
        insert(
            connection, "delivery.cap_reservation",
            address_key=address_key, period="day", starts_on=day, n=place, enrollment_id=-place, step="other",
            taken_at=f"{day}T12:00Z", zones="UTC",
        )  # fmt: skip


def reserve(
    connection: Connection, names: Iterable[str], cap: int | None, period: str = "day", day: str = MONDAY,
    hour: str = "12:00", zones: str = "UTC", first: int = 1,
) -> dict[str, str]:
    """Ask for a place for each person, as a claim does; return who got no place, and why."""
    people = list(names)
    found = run(
        connection, "delivery/reserve", addresses=texts(map(key, people)), zones=texts([zones] * len(people)),
        enrollment_ids=bigints(range(first, first + len(people))), step="reminder", now=f"{day}T{hour}Z", period=period,
        cap=cap,
    )  # fmt: skip
    return {people[row.enrollment_id - first]: row.outcome for row in found}


def places(connection: Connection, name: str) -> list[tuple[int, str]]:
    query = "select n, step from delivery.cap_reservation where address_key = cast(md5(:address) as uuid) order by n"
    return rows(connection, query, address=key(name))


@pytest.mark.parametrize(
    ("cap", "before", "outcome", "after"),
    [
        (1, (), None, [(1, "reminder")]),
        (1, (1,), "capped", [(1, "other")]),
        (2, (1,), None, [(1, "other"), (2, "reminder")]),
        (2, (1, 2), "capped", [(1, "other"), (2, "other")]),
        (2, (2,), None, [(1, "reminder"), (2, "other")]),
        (3, (1, 3), None, [(1, "other"), (2, "reminder"), (3, "other")]),
        (1, (2,), "capped", [(2, "other")]),
        (3, (2, 3, 4), "capped", [(2, "other"), (3, "other"), (4, "other")]),
        (4, (2, 5, 6), None, [(1, "reminder"), (2, "other"), (5, "other"), (6, "other")]),
        (None, (1, 2), None, [(1, "other"), (2, "other"), (3, "reminder")]),
        (None, (1, 3), None, [(1, "other"), (2, "reminder"), (3, "other")]),
    ],
)
def test_a_mail_takes_the_lowest_free_place_or_none(
    warehouse: Engine, cap: int | None, before: tuple[int, ...], outcome: str | None, after: list[tuple[int, str]]
) -> None:
    """A returned mail leaves its place open below others. A topic with another cap may have taken places beyond this
    cap. Who holds as many places as the cap gets none; without a cap there is always a place."""
    with warehouse.begin() as connection:
        held(connection, "ann", *before)
        assert reserve(connection, ["ann"], cap) == ({"ann": outcome} if outcome else {})
        assert places(connection, "ann") == after


def test_one_claim_answers_each_person_apart(warehouse: Engine) -> None:
    """A person's place does not depend on who else is in the batch. Places of another day or of a week do not count."""
    with warehouse.begin() as connection:
        held(connection, "bob", 1)
        held(connection, "cid", 1, 2)
        held(connection, "dan", 1, 2, day="2026-03-01")
        assert reserve(connection, ["ann", "bob", "cid", "dan"], cap=2) == {"cid": "capped"}
        assert reserve(connection, ["cid"], cap=2, period="week") == {}
        assert rows(connection, "select starts_on::text from delivery.cap_reservation where period = 'week'") == [
            (MONDAY,)
        ]


def test_a_week_begins_on_its_monday(warehouse: Engine) -> None:
    """Sunday and the Monday before it share a week; the Monday after it is another."""
    with warehouse.begin() as connection:
        assert reserve(connection, ["ann"], cap=1, period="week", day="2026-03-02") == {}
        assert reserve(connection, ["ann"], cap=1, period="week", day="2026-03-08", first=2) == {"ann": "capped"}
        assert reserve(connection, ["ann"], cap=1, period="week", day="2026-03-09", first=3) == {}


@pytest.mark.parametrize(("ends", "outcome"), [("commit", {"ann": "raced"}), ("rollback", {})])
def test_of_two_claims_at_once_one_gets_the_place(warehouse: Engine, ends: str, outcome: dict[str, str]) -> None:
    """The second claim waits for the first. If the first commits, the second has raced; if it rolls back, the second
    gets the place."""
    with ThreadPoolExecutor(1) as pool, warehouse.connect() as first:
        transaction = first.begin()
        assert reserve(first, ["ann"], cap=1) == {}
        second = pool.submit(_apart, warehouse, ["ann"])
        wait_until(lambda: waiting_for_locks(warehouse) == 1, "the second did not wait", 30)
        getattr(transaction, ends)()
        assert second.result(30) == outcome


def test_claims_that_name_the_same_people_in_other_orders_end(warehouse: Engine) -> None:
    """Places are taken by address: a claim that waits holds no place that a claim before it waits for."""
    people = [f"person{number}" for number in range(60)]
    with warehouse.begin() as connection:
        for name in people[::3]:
            held(connection, name, 1)
    orders = [people, people[::-1], people[30:] + people[:30]]
    with ThreadPoolExecutor(len(orders)) as pool, warehouse.connect() as before:
        transaction = before.begin()
        held(before, people[31], 1)
        claims = [pool.submit(_apart, warehouse, order, cap=2) for order in orders]
        wait_until(lambda: waiting_for_locks(warehouse) == len(orders), "the claims did not wait", 30)
        transaction.rollback()
        answers = [one.result() for one in claims]  # a deadlock ends one of them by an error
    with warehouse.connect() as connection:
        most = rows(connection, "select max(n), count(*) from delivery.cap_reservation")
    taken = len(people[::3]) + sum(len(people) - len(answer) for answer in answers)
    assert most == [(2, taken)]


def _apart(warehouse: Engine, names: list[str], cap: int = 1) -> dict[str, str]:
    with warehouse.begin() as connection:
        return reserve(connection, names, cap)
