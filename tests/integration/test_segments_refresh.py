"""Membership as intervals: forward, again, out of order, side by side; and the sizes per day."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from builders import customer, order
from lifecycle_mail.database import rehearsal, run
from lifecycle_mail.errors import SegmentError
from lifecycle_mail.segments import SegmentCounts, members, refresh
from lifecycle_mail.segments import intervals as segment_intervals

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
INSTANT = timedelta(microseconds=1)
Interval = tuple[str, datetime, datetime | None]


@pytest.fixture
def shop(warehouse: Engine) -> Engine:
    """Three customers; A last ordered 100 days before NOON, B 95, C 50."""
    with warehouse.begin() as connection:
        for key, days in (("A", 100), ("B", 95), ("C", 50)):
            customer(connection, key)
            order(connection, f"O{key}", key, NOON - days * DAY)
    return warehouse


def buy(shop: Engine, key: str, who: str, at: datetime, **columns: Any) -> None:
    with shop.begin() as connection:
        order(connection, key, who, at, **columns)


def forget(shop: Engine, key: str) -> None:
    with shop.begin() as connection:
        connection.execute(sa.text("update source.orders set status = 'cancelled' where order_id = :key"), {"key": key})


def intervals(shop: Engine, key: str = "inactive") -> list[Interval]:
    query = "select customer_id, entered_at, left_at from segment.membership where segment = :key order by 1, 2"
    with shop.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.text(query), {"key": key})]


def members_at(shop: Engine, at: datetime, key: str = "inactive") -> set[tuple[str, str]]:
    with shop.connect() as connection:
        rows = run(connection, "segments/members_at", segment=key, as_of=at)
        return {(row.customer_id, row.occurrence) for row in rows}


def computed(shop: Engine, at: datetime, **given: int) -> set[tuple[str, str]]:
    return {(member.customer_id, member.occurrence) for member in members(shop, "inactive", at, given)}


def sizes(shop: Engine) -> dict[date, tuple[datetime, int, int, int, int]]:
    query = "select day, as_of, members, customers, entered, departed from segment.size_daily"
    with shop.connect() as connection:
        return {row[0]: tuple(row[1:]) for row in connection.execute(sa.text(query))}


def test_first_refresh_opens_an_interval_a_member(shop: Engine) -> None:
    """The first refresh writes one open interval per member, from its instant on."""
    assert refresh(shop, "inactive", NOON) == SegmentCounts(members=2, entered=2, departed=0)
    assert intervals(shop) == [("A", NOON, None), ("B", NOON, None)]


def test_the_same_instant_again_changes_nothing(shop: Engine) -> None:
    """Refreshing one instant twice leaves every row as it was."""
    refresh(shop, "inactive", NOON)
    before, sized = intervals(shop), sizes(shop)
    assert refresh(shop, "inactive", NOON) == SegmentCounts(members=2, entered=0, departed=0)
    assert (intervals(shop), sizes(shop)) == (before, sized)


def test_forward_enters_and_departs_at_the_instant(shop: Engine) -> None:
    """Going forward, new members begin and gone ones end at the instant; the others are untouched."""
    refresh(shop, "inactive", NOON)
    buy(shop, "O2", "A", NOON + HOUR)
    later = NOON + 40 * DAY
    assert refresh(shop, "inactive", later) == SegmentCounts(members=2, entered=1, departed=1)
    assert intervals(shop) == [("A", NOON, later), ("B", NOON, None), ("C", later, None)]


def test_a_new_occurrence_is_a_new_interval(shop: Engine) -> None:
    """A customer who comes back and lapses again is a member again, with another occurrence."""
    refresh(shop, "inactive", NOON)
    buy(shop, "O2", "A", NOON + HOUR)
    refresh(shop, "inactive", NOON + 120 * DAY)
    assert {who for who, _ in members_at(shop, NOON)} == {"A", "B"}
    assert ("A", (NOON + HOUR).strftime("%Y-%m-%dT%H:%M:%SZ")) in members_at(shop, NOON + 120 * DAY)


def test_the_context_of_the_first_sight_stays(shop: Engine) -> None:
    """A member who stays keeps the context of the first sight."""
    refresh(shop, "inactive", NOON)
    refresh(shop, "inactive", NOON + 5 * DAY)
    with shop.connect() as connection:
        query = sa.text("select context -> 'days' from segment.membership where customer_id = 'A'")
        assert connection.execute(query).scalars().all() == [100]


def test_changed_facts_correct_the_same_instant(shop: Engine) -> None:
    """The same instant after facts changed: a customer who never was a member goes, one who is a member after all comes
    back."""
    refresh(shop, "inactive", NOON)
    buy(shop, "late", "A", NOON - HOUR)
    assert refresh(shop, "inactive", NOON) == SegmentCounts(members=1, entered=0, departed=1)
    assert intervals(shop) == [("B", NOON, None)]
    forget(shop, "late")
    refresh(shop, "inactive", NOON)
    assert intervals(shop) == [("A", NOON, None), ("B", NOON, None)]


def test_a_departure_undone_goes_on_as_if_never_ended(shop: Engine) -> None:
    """A membership that ended at an instant, and is found at it after all, keeps its one interval."""
    refresh(shop, "inactive", NOON)
    buy(shop, "mistake", "A", NOON + HOUR)
    later = NOON + DAY
    refresh(shop, "inactive", later)
    assert ("A", NOON, later) in intervals(shop)
    forget(shop, "mistake")
    assert refresh(shop, "inactive", later) == SegmentCounts(members=2, entered=1, departed=0)
    assert intervals(shop) == [("A", NOON, None), ("B", NOON, None)]
    assert sizes(shop)[later.date()] == (later, 2, 2, 0, 0)


def test_an_earlier_instant_is_known_for_itself_alone(shop: Engine) -> None:
    """Out of order, a member of that instant alone gets an interval of one microsecond; nothing else changes."""
    refresh(shop, "inactive", NOON + 3 * DAY)
    buy(shop, "new", "C", NOON + 2 * DAY)
    known = intervals(shop)
    early = NOON - 6 * DAY
    assert refresh(shop, "inactive", early) == SegmentCounts(members=1, entered=1, departed=0)
    assert set(intervals(shop)) == {*known, ("A", early, early + INSTANT)}
    assert members_at(shop, early) == computed(shop, early)
    assert members_at(shop, early + INSTANT) == set()


def test_an_earlier_instant_within_an_interval_changes_nothing(shop: Engine) -> None:
    """Out of order, a customer who is known to be a member then is not written twice."""
    refresh(shop, "inactive", NOON)
    refresh(shop, "inactive", NOON + 2 * DAY)
    known = intervals(shop)
    assert refresh(shop, "inactive", NOON + DAY) == SegmentCounts(members=2, entered=0, departed=0)
    assert intervals(shop) == known


def test_an_earlier_instant_leaves_out_who_was_none(shop: Engine) -> None:
    """Out of order, an interval that wrongly spans the instant gets a gap there, and stays elsewhere."""
    refresh(shop, "inactive", NOON)
    buy(shop, "O2", "A", NOON + HOUR)
    refresh(shop, "inactive", NOON + 4 * HOUR)
    between = NOON + 2 * HOUR
    assert refresh(shop, "inactive", between) == SegmentCounts(members=1, entered=0, departed=1)
    assert intervals(shop) == [
        ("A", NOON, between),
        ("A", between + INSTANT, NOON + 4 * HOUR),
        ("B", NOON, None),
    ]
    refresh(shop, "inactive", between)
    assert members_at(shop, between) == computed(shop, between)
    forget(shop, "O2")
    refresh(shop, "inactive", between)
    assert members_at(shop, between) == computed(shop, between)


def test_gap_and_instant_are_undone_by_changed_facts(shop: Engine) -> None:
    """An instant known out of order is corrected like any other: its interval goes, the gap stays one."""
    refresh(shop, "inactive", NOON)
    early = NOON - 2 * DAY
    refresh(shop, "inactive", early)
    buy(shop, "late", "A", early - HOUR)
    assert refresh(shop, "inactive", early) == SegmentCounts(members=1, entered=0, departed=1)
    assert intervals(shop) == [("A", NOON, None), ("B", early, early + INSTANT), ("B", NOON, None)]


@pytest.mark.parametrize("seed", range(4))
def test_any_order_of_refreshes_and_late_facts_is_exact(shop: Engine, seed: int) -> None:
    """After any refresh, in any order, with facts arriving late, its instant is exact and no other moved.

    Intervals of one occurrence never overlap and never are empty.
    """
    chance = random.Random(seed)
    grid = [NOON + step * 6 * HOUR for step in range(12)] + [NOON + step * 6 * HOUR + INSTANT for step in range(4)]
    for step in range(18):
        if chance.random() < 0.5:
            fact = chance.choice(grid) - chance.choice((0, 90, 91)) * DAY
            buy(shop, f"S{step}", chance.choice("ABC"), fact)
        before = {at: members_at(shop, at) for at in grid}
        at = chance.choice(grid)
        newest = all(at >= other for other in known_instants(shop))
        refresh(shop, "inactive", at)
        assert members_at(shop, at) == computed(shop, at), (seed, step)
        moved = {other for other in grid if members_at(shop, other) != before[other]} - {at}
        assert not moved if not newest else all(other > at for other in moved), (seed, step)
    assert_no_overlap(shop)


def known_instants(shop: Engine) -> list[datetime]:
    with shop.connect() as connection:
        return list(connection.execute(sa.text("select refreshed_at from segment.refresh")).scalars())


def assert_no_overlap(shop: Engine) -> None:
    query = """
        select count(*) from segment.membership as a join segment.membership as b
            using (segment, customer_id, occurrence)
        where a.entered_at < b.entered_at and coalesce(a.left_at > b.entered_at, true)
           or a.left_at <= a.entered_at
    """
    with shop.connect() as connection:
        assert connection.execute(sa.text(query)).scalar_one() == 0


def test_parameters_have_memberships_of_their_own(shop: Engine) -> None:
    """A segment with other parameters is another key; values equal to the defaults are the same one."""
    refresh(shop, "inactive", NOON, {"days": "90"})
    assert refresh(shop, "inactive", NOON, {"days": 30}) == SegmentCounts(members=3, entered=3, departed=0)
    assert [who for who, *_ in intervals(shop)] == ["A", "B"]
    assert [who for who, *_ in intervals(shop, "inactive(days=30)")] == ["A", "B", "C"]


def test_the_newest_instant_of_a_day_is_its_size(shop: Engine) -> None:
    """A day's size is that of its newest instant, with what entered and left during the day."""
    refresh(shop, "inactive", NOON - 30 * DAY)
    refresh(shop, "inactive", NOON)
    buy(shop, "O2", "A", NOON + HOUR)
    refresh(shop, "inactive", NOON + 2 * HOUR)
    assert sizes(shop)[NOON.date()] == (NOON + 2 * HOUR, 1, 1, 2, 1)
    refresh(shop, "inactive", NOON - 2 * HOUR)
    refresh(shop, "inactive", NOON)
    assert sizes(shop)[NOON.date()] == (NOON + 2 * HOUR, 1, 1, 2, 1)


def test_a_day_is_a_utc_day(shop: Engine) -> None:
    """An as_of with another offset counts for its UTC day."""
    refresh(shop, "inactive", datetime.fromisoformat("2026-03-02T01:00:00+03:00"))
    assert set(sizes(shop)) == {date(2026, 3, 1)}


def test_a_backfilled_day_tells_its_size_and_no_movement(shop: Engine) -> None:
    """A day refreshed out of order has its exact size; instants and gaps are no movement on any day."""
    refresh(shop, "inactive", NOON)
    refresh(shop, "inactive", NOON + 2 * DAY)
    refresh(shop, "inactive", NOON - 2 * DAY)
    assert sizes(shop)[(NOON - 2 * DAY).date()] == (NOON - 2 * DAY, 2, 2, 0, 0)
    buy(shop, "late", "A", NOON)
    refresh(shop, "inactive", NOON + DAY)
    assert sizes(shop)[(NOON + DAY).date()] == (NOON + DAY, 1, 1, 0, 0)
    refresh(shop, "inactive", NOON + 2 * DAY)
    assert sizes(shop)[(NOON + 2 * DAY).date()] == (NOON + 2 * DAY, 1, 1, 0, 1)


def test_a_gap_inside_a_day_is_no_movement(shop: Engine) -> None:
    """A customer was not a member at an earlier instant that is looked at late. That splits the customer's interval,
    but is counted neither as leaving nor as coming, also after the gap is filled."""
    hour = timedelta(hours=1)
    refresh(shop, "inactive", NOON - DAY)
    refresh(shop, "inactive", NOON + 2 * hour)
    buy(shop, "late", "A", NOON)
    refresh(shop, "inactive", NOON + hour)
    forget(shop, "late")
    refresh(shop, "inactive", NOON + 3 * hour)
    assert [at for who, at, _ in intervals(shop) if who == "A"] == [NOON - DAY, NOON + hour + INSTANT]
    assert sizes(shop)[NOON.date()] == (NOON + 3 * hour, 2, 2, 0, 0)
    refresh(shop, "inactive", NOON + hour)
    refresh(shop, "inactive", NOON + 4 * hour)
    assert len([who for who, _, _ in intervals(shop) if who == "A"]) == 3
    assert sizes(shop)[NOON.date()] == (NOON + 4 * hour, 2, 2, 0, 0)


def test_parallel_refreshes_of_one_key_wait_for_each_other(shop: Engine) -> None:
    """Many refreshes at once, of one instant and of several, end as one after another would."""
    asked = [NOON + step % 3 * DAY for step in range(12)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda at: refresh(shop, "inactive", at), asked))
    for at in set(asked):
        assert members_at(shop, at) == computed(shop, at)
    assert_no_overlap(shop)


def test_a_refused_refresh_writes_nothing(shop: Engine) -> None:
    """An as_of without time zone, or a wrong parameter, is refused before anything is written."""
    with pytest.raises(SegmentError, match="has no time zone"):
        refresh(shop, "inactive", NOON.replace(tzinfo=None))
    with pytest.raises(SegmentError, match="days"):
        refresh(shop, "inactive", NOON, {"days": 0})
    assert intervals(shop) == []


def test_a_failed_refresh_leaves_everything_as_it_was(shop: Engine) -> None:
    """A refresh is one transaction: when its last statement fails, no interval and no instant is kept."""
    refresh(shop, "inactive", NOON)
    known = intervals(shop)
    with shop.begin() as connection:
        connection.execute(sa.text("alter table segment.size_daily add check (day < date '2026-03-10')"))
    with pytest.raises(sa.exc.IntegrityError):
        refresh(shop, "inactive", NOON + 40 * DAY)
    assert intervals(shop) == known
    assert known_instants(shop) == [NOON]


def in_halves(monkeypatch: pytest.MonkeyPatch, shop: Engine) -> None:
    """Let three customers be many, and give the planner's sample that says where the middle is."""
    monkeypatch.setattr(segment_intervals, "PARALLEL_FROM_ROWS", 3)
    with shop.begin() as connection:
        connection.execute(sa.text("analyze source.customer"))


def writers(shop: Engine) -> int:
    """Return how many transactions wrote the memberships."""
    with shop.connect() as connection:
        found = connection.execute(sa.text("select count(distinct cast(xmin as text)) from segment.membership"))
        return int(found.scalar_one())


def test_a_first_refresh_of_many_is_two_transactions_and_one_segment(
    shop: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of two inserts half of the customers; together they are what one would insert, and a rehearsal's too."""
    in_halves(monkeypatch, shop)
    with rehearsal(shop) as stage:
        assert refresh(stage, "inactive", NOON) == SegmentCounts(2, 2, 0)
    assert intervals(shop) == []
    assert refresh(shop, "inactive", NOON) == SegmentCounts(2, 2, 0)
    assert intervals(shop) == [("A", NOON, None), ("B", NOON, None)]
    assert writers(shop) == 2
    assert sizes(shop) == {NOON.date(): (NOON, 2, 2, 2, 0)}
    assert refresh(shop, "inactive", NOON) == SegmentCounts(2, 0, 0)


def test_what_a_first_refresh_left_undone_is_the_next_ones(shop: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second half dies after the first is committed: the segment is not refreshed, the next makes it exact."""
    in_halves(monkeypatch, shop)
    enter_part, entered = segment_intervals._enter_part, []

    def dying(*given: Any) -> int:
        entered.append(enter_part(*given))
        if len(entered) == 2:
            raise RuntimeError("the part died")
        return entered[-1]

    with monkeypatch.context() as patch:
        patch.setattr(segment_intervals, "_enter_part", dying)
        with pytest.raises(RuntimeError, match="the part died"):
            refresh(shop, "inactive", NOON)
    assert set(intervals(shop)) < {("A", NOON, None), ("B", NOON, None)}
    assert known_instants(shop) == []
    assert refresh(shop, "inactive", NOON).members == 2
    assert intervals(shop) == [("A", NOON, None), ("B", NOON, None)]
    assert sizes(shop) == {NOON.date(): (NOON, 2, 2, 2, 0)}
