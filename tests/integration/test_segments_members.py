"""Members streamed and written as CSV, sizes; nothing is written to the warehouse."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from builders import customer, ensure_month, insert, order
from lifecycle_mail import segments
from lifecycle_mail.errors import SegmentError
from lifecycle_mail.sources import record_engagement

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def shop(warehouse: Engine) -> Engine:
    """Customers whose keys sort differently by code point than by words; all inactive at NOON."""
    with warehouse.begin() as connection:
        for place, key in enumerate(("b", "A", "a", "B", "é", "10", "9")):
            customer(connection, key)
            order(connection, f"O{key}", key, NOON - 100 * DAY - place * timedelta(seconds=1.5))
    return warehouse


def test_members_come_in_code_point_order(shop: Engine) -> None:
    """Members are ordered by customer_id, whatever the database's collation."""
    found = [member.customer_id for member in segments.members(shop, "inactive", NOON, {})]
    assert found == sorted(("b", "A", "a", "B", "é", "10", "9"))


def test_member_times_are_utc_and_contexts_are_objects(shop: Engine) -> None:
    """A member has its time in UTC and its context as a dict."""
    first = next(iter(segments.members(shop, "inactive", NOON, {})))
    assert (first.occurrence, first.occurred_at.tzinfo) == ("2025-11-22T11:59:52.500000Z", UTC)
    assert first.context == {"days": 100, "last_activity_at": first.occurrence, "last_product_name": None}


def test_csv_is_exact(shop: Engine) -> None:
    """The CSV has the agreed header, one line per member, times in UTC, compact JSON and line feeds."""
    stream = io.StringIO()
    assert segments.write_csv(shop, "inactive", NOON, {"days": 100}, stream) == 7
    lines = stream.getvalue().split("\n")
    assert lines[0] == "customer_id,occurrence,occurred_at,context"
    assert lines[1] == (
        '10,2025-11-22T11:59:52.500000Z,2025-11-22T11:59:52.500000Z,'
        '"{""days"":100,""last_activity_at"":""2025-11-22T11:59:52.500000Z"",""last_product_name"":null}"'
    )  # fmt: skip
    assert lines[-1] == ""
    rows = list(csv.DictReader(io.StringIO(stream.getvalue())))
    assert [row["customer_id"] for row in rows] == sorted(row["customer_id"] for row in rows)
    assert all(json.loads(row["context"])["days"] == 100 for row in rows)


def test_csv_of_nobody_is_its_header(shop: Engine) -> None:
    """Without members the CSV is its header alone."""
    stream = io.StringIO()
    assert segments.write_csv(shop, "birthday_this_month", NOON, {}, stream) == 0
    assert stream.getvalue() == "customer_id,occurrence,occurred_at,context\n"


def test_size_is_the_number_of_members(shop: Engine) -> None:
    """The size is the number of memberships, with the same parameters."""
    assert segments.size(shop, "inactive", NOON, {}) == 7
    assert segments.size(shop, "inactive", NOON, {"days": 101}) == 0


def test_an_offset_does_not_matter(shop: Engine) -> None:
    """One instant in another offset has the same members."""
    there = NOON.astimezone(datetime.fromisoformat("2026-01-01T00:00:00+07:00").tzinfo)
    assert list(segments.members(shop, "inactive", there)) == list(segments.members(shop, "inactive", NOON))


def test_members_are_streamed(shop: Engine) -> None:
    """Members are fetched a thousand at a time by a cursor on the server, not all at once."""
    with shop.begin() as connection:
        connection.execute(
            sa.text(
                "insert into source.customer (customer_id, email, created_at, birthday, load_id) select 'x' || n, "
                "'x@example.com', '2020-01-01', date '1990-03-01', (select min(load_id) from source.load) "
                "from generate_series(1, 2500) as n"
            )
        )
    found = segments.members(shop, "birthday_this_month", NOON)
    next(found)
    with shop.connect() as other:
        cursors = (
            "select state from pg_stat_activity where query ilike 'fetch forward%' and datname = current_database()"
        )
        assert other.execute(sa.text(cursors)).scalars().all() == ["idle in transaction"]
    assert sum(1 for _ in found) == 2499


def test_reading_cannot_write(shop: Engine) -> None:
    """Members and sizes are read in a read-only transaction: no table gains or loses a row."""
    found = segments.members(shop, "inactive", NOON)
    next(found)
    with shop.connect() as other:
        seen = "select count(*) from segment.membership, segment.refresh, segment.size_daily"
        assert other.execute(sa.text(seen)).scalar_one() == 0
    assert len(list(found)) == 6


def test_a_wrong_question_is_refused_at_the_call(shop: Engine) -> None:
    """Unknown names, wrong values and naive instants are refused before the first row is asked for."""
    with pytest.raises(SegmentError, match="did you mean 'inactive'"):
        segments.members(shop, "inactve", NOON)
    with pytest.raises(SegmentError, match="did you mean 'days'"):
        segments.size(shop, "inactive", NOON, {"day": 3})
    with pytest.raises(SegmentError, match="has no time zone"):
        segments.members(shop, "inactive", NOON.replace(tzinfo=None))


@pytest.mark.parametrize("kind", ["open", "click"])
@pytest.mark.parametrize(
    ("days_ago", "last_days_ago"),
    [(0, None), (100, -100), (199, -199), (200, 0), (201, -1)],
)
def test_a_past_moment_knows_the_first_open_though_raw_events_are_gone(
    warehouse: Engine, kind: str, days_ago: int, last_days_ago: int | None
) -> None:
    """First open (or click) an hour after the mail, last one 200 days later, raw events past their retention.

    Asked about a moment between the two, the last sign of life is the first one; before it there is none.
    """
    first = NOON + timedelta(hours=1)
    with warehouse.begin() as connection:
        customer(connection, "ann")
        insert(
            connection, "event.engagement", enrollment_id=1, step="s", campaign="c", customer_id="ann", batch_id=1,
            message_id="00000000-0000-0000-0000-000000000001", first_event_at=NOON,
            **{f"first_{kind}_at": first, f"last_{kind}_at": first + 200 * DAY},
        )  # fmt: skip
        record_engagement(connection, 1)
    as_of = NOON + days_ago * DAY if days_ago == 0 else first + days_ago * DAY
    found = list(segments.members(warehouse, "inactive", as_of, {"days": 1}))
    wanted = [] if last_days_ago in (None, 0) else [as_of + last_days_ago * DAY]
    assert [member.occurred_at for member in found] == wanted
    with warehouse.connect() as connection:
        last = sa.text("select segment.last_activity_at('ann', :as_of)")
        known = None if last_days_ago is None else as_of + last_days_ago * DAY
        assert connection.execute(last, {"as_of": as_of}).scalar_one() == known


def test_a_past_moment_knows_the_raw_events_that_are_left(warehouse: Engine) -> None:
    """Of opens on day 0, 10, 50 and 200, day 10 is past retention: on day 40 the newest is day 0, on day 60 day 50."""
    with warehouse.begin() as connection:
        customer(connection, "ann")
        insert(
            connection, "event.engagement", enrollment_id=1, step="s", campaign="c", customer_id="ann", batch_id=1,
            message_id="00000000-0000-0000-0000-000000000001", first_event_at=NOON, first_open_at=NOON,
            last_open_at=NOON + 200 * DAY,
        )  # fmt: skip
        for days in (50, 200):
            ensure_month(connection, "event.event", NOON + days * DAY)
            insert(
                connection, "event.event", sg_event_id=str(days), occurred_at=NOON + days * DAY, event="open",
                batch_id=1, raw={}, message_id="00000000-0000-0000-0000-000000000001",
            )  # fmt: skip
    for asked, newest in ((40, 0), (60, 50), (200, 200)):
        with warehouse.connect() as connection:
            last = sa.text("select segment.last_activity_at('ann', :as_of)")
            found = connection.execute(last, {"as_of": NOON + asked * DAY}).scalar_one()
        assert found == NOON + newest * DAY
