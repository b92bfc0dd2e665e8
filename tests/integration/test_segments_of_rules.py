"""Segments of rules in a real database: who is in, at which moment, and with which occurrence."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from builders import customer, insert, load, order
from lifecycle_mail import segments
from lifecycle_mail.errors import SegmentError

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
Write = Callable[..., str]


@pytest.fixture
def written(tmp_path: Path) -> Write:
    """Writes a rules file and returns its path."""

    def write(rules: str, name: str = "asked", occurrence: str = "entry") -> str:
        path = tmp_path / f"{name}.yaml"
        head = f"segment: {name}\nwhat: Asked for.\nowner: marketing@example.com\noccurrence: {occurrence}\n"
        path.write_text(f"{head}rules: {rules}\n", encoding="utf-8")
        return str(path)

    return write


def _line(connection: Connection, order_id: str, line_no: int, product_id: str, quantity: int = 1) -> None:
    insert(
        connection, "source.order_line",
        order_id=order_id, line_no=line_no, product_id=product_id, quantity=quantity, unit_price=5, load_id=1,
    )  # fmt: skip


@pytest.fixture
def shop(warehouse: Engine) -> Engine:
    """Five customers, who signed up before NOW but for eve.

    ann has two orders of coffee, ben one of coffee with tea from Baby, cem a cancelled one. dee has neither order nor
    country.
    """
    with warehouse.begin() as connection:
        load(connection)
        for product_id, product_type, category in (("C", "coffee", "Drinks"), ("T", "tea", "Baby")):
            insert(
                connection, "source.product",
                product_id=product_id, name=product_id, product_type=product_type, category=category, load_id=1,
            )  # fmt: skip
        for name, country in (("ann", "TH"), ("ben", "DE"), ("cem", "TH"), ("dee", None)):
            customer(connection, name, country=country)
        customer(connection, "eve", country="TH", created_at=NOW + DAY)
        order(connection, "a1", "ann", NOW - 365 * DAY)
        order(connection, "a2", "ann", NOW - 60 * DAY, total=100)
        order(connection, "b1", "ben", NOW)
        order(connection, "b2", "ben", NOW + DAY)
        order(connection, "c1", "cem", NOW - DAY, status="cancelled")
        for order_id, line_no, product_id, quantity in (
            ("a1", 1, "C", 1), ("a1", 2, "C", 1), ("a2", 1, "C", 1), ("b1", 1, "C", 1), ("b1", 2, "T", 1),
            ("b2", 1, "C", 1), ("c1", 1, "C", 1), ("a2", 2, "T", 0),
        ):  # fmt: skip
            _line(connection, order_id, line_no, product_id, quantity)
    return warehouse


WHO_IS_IN = {
    "{all: [{is: country, in: [TH]}]}": "ann cem",
    "{all: [{is: country, not_in: [TH]}]}": "ben",
    "{none: [{is: country, in: [TH]}]}": "ben dee",
    "{all: [{is: country, known: false}]}": "dee",
    "{all: [{is: orders, equals: 0}]}": "cem dee",
    "{all: [{is: orders, at_most: 1}]}": "ben cem dee",
    "{all: [{is: orders, between: [1, 2]}]}": "ann ben",
    "{all: [{is: orders, not_in: [0, 2]}]}": "ben",
    "{all: [{is: orders, known: true}]}": "ann ben cem dee",
    "{all: [{is: orders, known: false}]}": "",
    "{all: [{did: ordered}]}": "ann ben",
    # The edge of a window: exactly 365 days ago is outside, exactly now is inside, the future never counts.
    "{all: [{did: ordered, at_least: 2, within_days: 365}]}": "",
    "{all: [{did: ordered, at_least: 2, within_days: 365.001}]}": "ann",
    "{all: [{did: ordered, within_days: 1}]}": "ben",
    "{all: [{did: ordered, between_days: [60, 365]}]}": "ann",
    "{all: [{did: ordered, between_days: [60.001, 365]}]}": "",
    "{all: [{did: ordered, at_most: 1}]}": "ben cem dee",
    "{all: [{did: ordered, exactly: 0, within_days: 30}]}": "ann cem dee",
    "{all: [{did: ordered, at_least: 1, at_most: 1}]}": "ben",
    # Two lines of one order are one order.
    "{all: [{did: ordered, product_type: coffee, at_least: 2}]}": "ann",
    "{all: [{did: ordered, product_type: coffee, at_least: 3}]}": "",
    "{all: [{did: ordered, category: [Baby, Toys]}]}": "ben",
    # One line has to be coffee and of Baby.
    "{all: [{did: ordered, product_type: coffee, category: Baby}]}": "",
    "{all: [{did: ordered, product_id: T}]}": "ben",
    "{all: [{did: ordered, product_id: [T, X]}]}": "ben",
    "{all: [{did: ordered, product_id: {not_in: [C]}}]}": "ben",
    "{all: [{did: ordered, total: {at_least: 50}}]}": "ann",
    "{any: [{did: ordered, total: 100}, {all: [{is: country, known: false}, {is: orders, equals: 0}]}]}":
        "ann dee",
    "{all: [{in_segment: inactive, with: {days: 50}}], none: [{in_segment: inactive, with: {days: 61}}]}": "ann",
    "{all: [{is: orders, at_least: 0}], none: [{did: ordered}, {is: country, equals: TH}]}": "dee",
}  # fmt: skip


def test_who_is_in(shop: Engine, written: Write) -> None:
    """Each rule finds exactly these customers at NOW, and so does the count."""
    found, counted = {}, {}
    for rules in WHO_IS_IN:
        path = written(rules)
        found[rules] = " ".join(one.customer_id for one in segments.members(shop, path, NOW))
        counted[rules] = segments.size(shop, path, NOW)
    assert found == WHO_IS_IN
    assert counted == {rules: len(members.split()) for rules, members in WHO_IS_IN.items()}


def test_a_value_is_never_sql(shop: Engine, written: Write) -> None:
    """What a rule says is bound: quotes, percent signs and placeholders find no customer, and break nothing."""
    odd = "TH' or '1'='1"
    path = written(f'{{any: [{{is: country, in: ["{odd}", "%(as_of)s", ":as_of", "%"]}}]}}')
    assert list(segments.members(shop, path, NOW)) == []


def test_segments_that_ask_each_other_are_refused(
    shop: Engine, written: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A circle of in_segment is named, and computed never."""
    path = Path(written("{all: [{in_segment: second}]}", "first"))
    written("{all: [{in_segment: first}]}", "second")
    monkeypatch.setattr("lifecycle_mail.segments.registry.RULES_FOLDER", path.parent)
    with pytest.raises(SegmentError, match="first → second → first"):
        segments.size(shop, str(path), NOW)


def test_a_cart_is_closed_by_whoever_orders(
    shop: Engine, written: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refresh of the changes finds the owner of a cart that another customer's order names, and names no more."""
    monkeypatch.setattr("lifecycle_mail.segments.changes.LARGEST_SHARE", 1.0)
    path, found = written("{all: [{is: open_cart}]}"), []
    with shop.begin() as connection:
        at = {"created_at": NOW - 9 * DAY, "updated_at": NOW - 9 * DAY}
        insert(connection, "source.cart", cart_id="k", customer_id="ann", status="open", load_id=1, **at)
        insert(connection, "source.cart_line", cart_id="k", product_id="C", quantity=1, unit_price=5, load_id=1)
    for hour, cart_id in enumerate((None, "k", None)):
        with shop.begin() as connection:
            named = sa.text("update source.orders set cart_id = :cart_id, load_id = :load_id where order_id = 'b1'")
            connection.execute(named, {"cart_id": cart_id, "load_id": load(connection)})
        counts = segments.refresh(shop, path, NOW + timedelta(hours=hour))
        found.append((counts.members, counts.entered, counts.departed))
    assert found == [(1, 1, 0), (0, 0, 1), (1, 1, 0)]


def test_segments_that_ask_without_an_end_are_refused(
    shop: Engine, written: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of these asks the one before it twice: twenty of them would be a million rules."""
    path = Path(written("{all: [{did: ordered}]}", "chain_0"))
    monkeypatch.setattr("lifecycle_mail.segments.registry.RULES_FOLDER", path.parent)
    for number in range(1, 21):
        before = f"{{in_segment: chain_{number - 1}}}"
        path = Path(written(f"{{all: [{before}, {before}]}}", f"chain_{number}"))
    assert segments.size(shop, "chain_2", NOW) == 2
    with pytest.raises(SegmentError, match="segment chain_20 has more than 240 rules with those of the segments"):
        segments.size(shop, str(path), NOW)


@pytest.mark.parametrize("at", [datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)])
def test_a_window_may_reach_beyond_the_calendar(shop: Engine, written: Write, at: datetime) -> None:
    """A moment of the first or the last year is judged like any other."""
    path = written(
        "{any: [{did: ordered, between_days: [0, 40000]}, {is: contract_ends_in_days, at_most: 40000},"
        " {is: signed_up_days_ago, in: [-40000, 40000]}]}"
    )
    assert segments.size(shop, path, at) == 0


def _refreshed(engine: Engine, path: str, *days: int) -> list[tuple[str, str, str]]:
    """Refresh on these days after NOW; return the intervals: occurrence, days of entry and departure."""
    for day in days:
        segments.refresh(engine, path, NOW + day * DAY)
    query = sa.text(
        "select occurrence, entered_at, left_at from segment.membership where customer_id = 'ann' order by entered_at"
    )
    with engine.connect() as connection:
        return [
            (occurrence, _day(entered_at), _day(left_at) if left_at else "")
            for occurrence, entered_at, left_at in connection.execute(query)
        ]


def _day(at: datetime) -> str:
    return str((at - NOW) // DAY)


def test_each_entry_is_an_occurrence(shop: Engine, written: Write) -> None:
    """Who leaves and comes back has a new occurrence; who stays keeps the first, also if a day is computed again."""
    path = written("{none: [{did: ordered, within_days: 90}], all: [{did: ordered}]}")
    with shop.begin() as connection:
        order(connection, "a3", "ann", NOW + 40 * DAY)
    first, second = ((NOW + days * DAY).isoformat().replace("+00:00", "Z") for days in (31, 140))
    stays = [(first, "31", "45"), (second, "140", "")]
    assert _refreshed(shop, path, 0, 31, 35, 45, 140, 141) == stays
    assert _refreshed(shop, path, 141) == stays
    (member,) = [one for one in segments.members(shop, path, NOW + 141 * DAY) if one.customer_id == "ann"]
    assert (member.occurrence, member.occurred_at) == (second, NOW + 140 * DAY)


def test_a_day_computed_again_with_other_facts_keeps_the_occurrence(shop: Engine, written: Write) -> None:
    """An order that is loaded and then cancelled takes a member out and back in at one moment, as the same entry."""
    path = written("{none: [{did: ordered, within_days: 10}], all: [{did: ordered}]}")
    before = _refreshed(shop, path, 0, 1)
    with shop.begin() as connection:
        order(connection, "a3", "ann", NOW)
    assert [stay[2] for stay in _refreshed(shop, path, 1)] == ["1"]
    with shop.begin() as connection:
        change = "update source.orders set status = 'cancelled', load_id = :load_id where order_id = 'a3'"
        connection.execute(sa.text(change), {"load_id": load(connection)})
    assert _refreshed(shop, path, 1) == before


@pytest.mark.parametrize(
    ("occurrence", "found"), [("once", ["once", "once"]), ("month", ["2026-07", "2026-08", "2026-11"])]
)
def test_occurrences_once_and_every_month(shop: Engine, written: Write, occurrence: str, found: list[str]) -> None:
    """`once` is the same whenever the customer comes back; `month` is new with each month inside."""
    path = written("{none: [{did: ordered, within_days: 90}], all: [{did: ordered}]}", occurrence=occurrence)
    with shop.begin() as connection:
        order(connection, "a3", "ann", NOW + 65 * DAY)
    assert [stay[0] for stay in _refreshed(shop, path, 31, 50, 63, 65, 156)] == found


# By rules: who is in at NOW, and twelve hours later. Time alone does it, but ivy looks at a page.
HALF_A_DAY = {
    "{all: [{is: lifecycle_stage, equals: at_risk}]}": ("ben", "ann"),
    "{all: [{is: lifecycle_stage, equals: lapsed}]}": ("eve", "ben eve"),
    "{all: [{is: last_order_days_ago, at_least: 90}]}": ("ben eve", "ann ben eve"),
    "{all: [{is: last_visit_days_ago, at_most: 90}]}": ("fay", "ivy"),
    "{all: [{is: age, at_least: 30}]}": ("", "cem"),
    "{all: [{is: favourite_product_type, equals: coffee}]}": ("eve", ""),
    "{all: [{is: engagement, equals: low}]}": ("fay", "ivy"),
    "{all: [{did: registered}]}": ("gus hal", "hal"),
    "{all: [{did: attended}]}": ("", "hal"),
    "{all: [{is: age, at_least: 30}, {in_segment: at_risk}]}": ("", ""),
    "{any: [{in_segment: at_risk}, {in_segment: of_page}]}": ("ben fay", "ann ivy"),
}


def test_what_time_changes_is_found_without_reading_everybody(
    warehouse: Engine, written: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An hourly refresh finds who crossed an edge by time alone, also through another segment, and reads no others."""
    monkeypatch.setattr("lifecycle_mail.segments.changes.LARGEST_SHARE", 0.999)
    with warehouse.begin() as connection:
        _write_edges(connection)
    folder = Path(written("{all: [{is: lifecycle_stage, equals: at_risk}]}", "at_risk")).parent
    written("{all: [{did: viewed, within_days: 90}]}", "of_page")
    monkeypatch.setattr("lifecycle_mail.segments.registry.RULES_FOLDER", folder)
    paths = {rules: written(rules, f"asked_{number}") for number, rules in enumerate(HALF_A_DAY)}
    found = {rules: [_kept(warehouse, path, 0)] for rules, path in paths.items()}
    with warehouse.begin() as connection:
        insert(connection, "source.page_view", view_id="v2", customer_id="ivy", viewed_at=NOW, load_id=load(connection))
    for rules, path in paths.items():
        found[rules] += [_kept(warehouse, path, hours) for hours in (6, 12)][-1:]
    assert {rules: tuple(both) for rules, both in found.items()} == HALF_A_DAY
    with warehouse.connect() as connection:
        whole = connection.execute(sa.text("select distinct read_whole_at from segment.refresh")).scalars().all()
    assert whole == [NOW]


def _write_edges(connection: Connection) -> None:
    """Nine customers, each an hour or some from an edge."""
    load(connection)
    hour = DAY / 24
    for name in ("ann", "ben", "eve", "fay", "gus", "hal", "ivy"):
        customer(connection, name)
    customer(connection, "cem", birthday="1996-06-02", timezone="Asia/Bangkok")
    customer(connection, "dee", birthday="1996-06-03", timezone="Asia/Bangkok")
    insert(connection, "source.product", product_id="C", name="C", product_type="coffee", load_id=1)
    order(connection, "a1", "ann", NOW - 90 * DAY + 3 * hour)
    order(connection, "b1", "ben", NOW - 180 * DAY + 9 * hour)
    order(connection, "e1", "eve", NOW - 365 * DAY + 2 * hour)
    _line(connection, "e1", 1, "C")
    insert(connection, "source.page_view", view_id="v1", customer_id="fay", viewed_at=NOW - 90 * DAY + hour, load_id=1)
    insert(
        connection, "source.occasion",
        occasion_id="O", name="O", kind="webinar", starts_at=NOW + 8 * hour, load_id=1,
    )  # fmt: skip
    for name, status, at in (("gus", "cancelled", NOW + 7 * hour), ("hal", "attended", None)):
        insert(
            connection, "source.registration",
            occasion_id="O", customer_id=name, registered_at=NOW - DAY, status=status, status_at=at, load_id=1,
        )  # fmt: skip


def _kept(engine: Engine, path: str, hours: int) -> str:
    """Refresh so many hours after NOW; return the members that are kept."""
    segments.refresh(engine, path, NOW + hours * DAY / 24)
    query = "select customer_id from segment.membership where segment = :segment and left_at is null order by 1"
    with engine.connect() as connection:
        return " ".join(connection.execute(sa.text(query), {"segment": Path(path).stem}).scalars())


READ_PAGE_VIEWS = {"coffee_lovers_at_risk", "highly_engaged", "pricing_interest", "stories_read", "winter_shoppers"}
READ_NONE = {"heavy_happy", "satisfied_regulars", "vip"}


def test_one_segment_that_fails_holds_up_no_other(shop: Engine) -> None:
    """The hourly refresh computes every segment that it can, and names the others and why."""
    with shop.begin() as connection:
        connection.execute(sa.text("revoke select on source.page_view from lifecycle_segments"))
    done, failed = segments.refresh_rules(shop, NOW)
    assert {str(error).partition(":")[0].removeprefix("segment ") for error in failed} == READ_PAGE_VIEWS
    assert set(done) == READ_NONE
    with shop.begin() as connection:
        kept = connection.execute(sa.text("select segment from segment.size_daily")).scalars().all()
        connection.execute(sa.text("grant select on source.page_view to lifecycle_segments"))
    assert set(kept) == set(done)
    again, errors = segments.refresh_rules(shop, NOW)
    assert (set(again), errors) == (READ_NONE | READ_PAGE_VIEWS, [])


def test_groups_are_kept_and_who_changed_is_asked_again(shop: Engine, written: Write) -> None:
    """Segments that ask the group of others find what the facts say, hour after hour; values are computed once."""
    champions = written("{all: [{is: rfm_group, in: [champion, loyal, new]}]}", "champions")
    others = written("{none: [{is: rfm_group, in: [champion, loyal, new]}]}", "others")
    for hours in range(4):
        at = NOW + timedelta(hours=hours)
        with shop.begin() as connection:
            order(connection, f"k{hours}", ("dee", "ann", "cem", "dee")[hours], at, total=50 * hours)
        for path in (champions, others):
            segments.refresh(shop, path, at)
            assert _members(shop, path) == sorted(one.customer_id for one in segments.members(shop, path, at))
    with shop.begin() as connection:
        kept = connection.execute(sa.text("select as_of from segment.kept_attribute")).scalars().all()
    assert kept == [NOW + timedelta(hours=3)]


def test_groups_of_an_earlier_moment_are_read_from_the_facts(shop: Engine, written: Write) -> None:
    """What is kept is of a later moment: a refresh before it is exact, and so is the one after it."""
    path = written("{all: [{is: rfm_group, equals: new}]}", "new")
    later = written("{all: [{is: rfm_group, known: true}]}", "grouped")
    segments.refresh(shop, path, NOW)
    with shop.begin() as connection:
        order(connection, "n1", "dee", NOW + timedelta(hours=1))
    segments.refresh(shop, later, NOW + timedelta(hours=3))
    for hours in (2, 4):
        at = NOW + timedelta(hours=hours)
        segments.refresh(shop, path, at)
        assert _members(shop, path) == sorted(one.customer_id for one in segments.members(shop, path, at))


def _members(engine: Engine, path: str) -> list[str]:
    """Return who is in it by its open intervals."""
    query = "select customer_id from segment.membership where segment = :name and left_at is null order by 1"
    with engine.connect() as connection:
        return list(connection.execute(sa.text(query), {"name": Path(path).stem}).scalars())
