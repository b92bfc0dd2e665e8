"""What each number of schema kpi counts, case by case."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

import builders
from builders import NOON, rows
from lifecycle_mail.kpis import check, roll_up

LATER = NOON + timedelta(days=60)
TODAY, TOMORROW = date(2026, 3, 2), date(2026, 3, 3)
COUNTS = (
    "planned", "held_out", "skipped", "accepted", "delivered", "pending", "openers", "machine_openers", "clickers",
    "converters", "click_converters", "accepted_converters", "bounced_hard", "bounced_soft", "dropped", "unsubscribed",
    "complained", "machine_clickers",
)  # fmt: skip


def at(hours: float) -> datetime:
    """A moment after noon."""
    return NOON + timedelta(hours=hours)


@pytest.fixture
def shop(warehouse: Engine) -> Engine:
    """A warehouse with one campaign whose goal is an order within 5 days, and customers a to d."""
    with warehouse.begin() as connection:
        builders.campaign(connection)
        load_id = builders.load(connection)
        for name in "abcd":
            builders.customer(connection, name, load_id=load_id)
    return warehouse


def mail(connection: Connection, who: str = "a", campaign: str = "cart_abandoned", **columns: Any) -> int:
    """A decided and accepted mail of a new enrollment, with the facts named as `*_at` columns of engagement."""
    facts = {name: columns.pop(name) for name in list(columns) if name in FACTS}
    serial = rows(connection, "select count(*) from journey.enrollment")[0][0]
    enrollment = builders.enrollment(connection, campaign, who, occurrence=f"o{serial}")
    message_id = builders.message(connection, enrollment, campaign, who, **columns)
    builders.decision(connection, enrollment, campaign, who, variant=columns.get("variant", "default"))
    if facts:
        builders.insert(
            connection, "event.engagement",
            enrollment_id=enrollment, step="reminder", message_id=message_id, campaign=campaign, customer_id=who,
            first_event_at=min(facts.values()), batch_id=batch(connection), **facts,
        )  # fmt: skip
    return enrollment


FACTS = {
    "delivered_at", "bounced_hard_at", "bounced_soft_at", "dropped_at", "first_open_at", "last_open_at",
    "first_machine_open_at", "first_click_at", "last_click_at", "unsubscribed_at", "complained_at",
    "last_delivered_at", "last_bounced_soft_at", "first_machine_click_at",
}  # fmt: skip


def batch(connection: Connection) -> int:
    """One step of an ingest."""
    return builders.insert(connection, "event.batch", source_name="test")


def rolled(warehouse: Engine, zone: str = "UTC") -> None:
    """Roll up and hold every identity."""
    roll_up(warehouse, reporting_zone=zone, now=LATER)
    assert check(warehouse) == []


def counts(warehouse: Engine, table: str = "campaign_daily", by: str = "day") -> dict[Any, dict[str, int]]:
    """The counts that are not zero, summed by a column."""
    sums = ", ".join(f"cast(sum({name}) as bigint)" for name in COUNTS)
    with warehouse.connect() as connection:
        found = rows(connection, f"select {by}, {sums} from kpi.{table} group by {by}")  # noqa: S608
    return {
        row[0]: {name: value for name, value in zip(COUNTS, row[1:], strict=True) if value} for row in found
    }


class TestOutcome:
    """Each accepted mail has one final outcome."""

    @pytest.mark.parametrize(
        ("facts", "outcome"),
        [
            ({}, "pending"),
            ({"delivered_at": at(1)}, "delivered"),
            ({"delivered_at": at(1), "bounced_hard_at": at(2)}, "bounced_hard"),
            ({"delivered_at": at(1), "bounced_soft_at": at(2)}, "bounced_soft"),
            ({"bounced_soft_at": at(1), "delivered_at": at(2)}, "delivered"),
            ({"bounced_soft_at": at(1), "delivered_at": at(1)}, "bounced_soft"),
            ({"bounced_soft_at": at(1)}, "bounced_soft"),
            ({"bounced_soft_at": at(1), "bounced_hard_at": at(2)}, "bounced_hard"),
            ({"dropped_at": at(1)}, "dropped"),
            ({"first_open_at": at(1), "last_open_at": at(1)}, "delivered"),
            ({"first_machine_open_at": at(1)}, "delivered"),
            ({"delivered_at": at(1), "bounced_soft_at": at(2), "last_open_at": at(3)}, "delivered"),
            ({"complained_at": at(1)}, "delivered"),
            ({"bounced_soft_at": at(1), "delivered_at": at(2), "last_bounced_soft_at": at(3)}, "bounced_soft"),
            ({"delivered_at": at(1), "bounced_soft_at": at(2), "last_delivered_at": at(3)}, "delivered"),
            ({"bounced_soft_at": at(1), "first_machine_click_at": at(2)}, "delivered"),
        ],
    )
    def test_the_final_outcome(self, shop: Engine, facts: dict[str, datetime], outcome: str) -> None:
        """A later bounce replaces delivered, and a later delivery a soft bounce. A hard bounce is final. An open proves
        delivery."""
        with shop.begin() as connection:
            mail(connection, **facts)
        rolled(shop)
        with shop.connect() as connection:
            assert rows(connection, "select outcome from kpi.step_outcome") == [(outcome,)]
        found = counts(shop)[TODAY]
        outcomes = ("delivered", "pending", "bounced_hard", "bounced_soft", "dropped")
        assert {name: found[name] for name in outcomes if name in found} == {outcome: 1}


def test_a_mail_belongs_to_the_day_of_its_acceptance(shop: Engine) -> None:
    """Decided on one day and accepted on the next, the whole mail, planned included, counts on the next."""
    with shop.begin() as connection:
        enrollment = mail(connection, state="planned")
    rolled(shop)
    assert counts(shop) == {TODAY: {"planned": 1}}
    with shop.begin() as connection:
        connection.execute(
            sa.text("update message.message set state = 'accepted', accepted_at = :at"), {"at": at(20)}
        )
        builders.insert(
            connection, "event.engagement",
            enrollment_id=enrollment, step="reminder", campaign="cart_abandoned", customer_id="a",
            message_id=builders.message_id_of(connection, enrollment, "reminder"),
            first_event_at=at(21), delivered_at=at(21),
            first_open_at=at(24 * 40), last_open_at=at(24 * 40), batch_id=batch(connection),
        )  # fmt: skip
    rolled(shop)
    assert counts(shop) == {TOMORROW: {"planned": 1, "accepted": 1, "delivered": 1, "openers": 1}}
    assert counts(shop, "event_daily") == {
        TODAY: {"planned": 1},
        TOMORROW: {"accepted": 1, "delivered": 1},
        date(2026, 4, 11): {"openers": 1},
    }


def test_days_are_those_of_the_reporting_zone(shop: Engine) -> None:
    """A mail accepted at 20:00 UTC belongs to the next day in Tokyo."""
    with shop.begin() as connection:
        mail(connection, accepted_at=at(8))
    rolled(shop, "Asia/Tokyo")
    assert counts(shop) == {TOMORROW: {"planned": 1, "accepted": 1, "pending": 1}}


def test_an_hour_that_comes_twice_belongs_to_its_day(warehouse: Engine) -> None:
    """In Havana clocks go back from one to midnight: that hour comes twice, and both are of the new day."""
    with warehouse.begin() as connection:
        builders.campaign(connection)
        for hour in (3, 4, 5):
            builders.insert(
                connection, "journey.occurrence", campaign="cart_abandoned", customer_id="a", occurrence=f"o{hour}",
                occurred_at=NOON, fate="waiting", reason="series_running",
                decided_at=datetime(2026, 11, 1, hour, 30, tzinfo=UTC),
            )  # fmt: skip
    roll_up(warehouse, reporting_zone="America/Havana", now=datetime(2026, 11, 2, tzinfo=UTC))
    with warehouse.connect() as connection:
        query = "select day, occurrences from kpi.not_enrolled_daily order by 1"
        assert rows(connection, query) == [(date(2026, 10, 31), 1), (date(2026, 11, 1), 2)]


def test_decisions_without_mail_are_counted_with_their_reason(shop: Engine) -> None:
    """Held out and skipped steps have no message; the reason why a step was not mailed can be read by day."""
    with shop.begin() as connection:
        for number, (outcome, reason, arm) in enumerate([
            ("skip", "held_out", "holdout"), ("skip", "no_permission", "default"), ("skip", "stale", "default"),
            ("skip", "stale", "default"), ("send", "eligible", "default"),
        ]):  # fmt: skip
            enrollment = builders.enrollment(connection, "cart_abandoned", "a", occurrence=f"n{number}")
            builders.decision(
                connection, enrollment, "cart_abandoned", "a", outcome=outcome, reason=reason, variant=arm
            )
        mail(connection, "b", state="cancelled", reason="suppressed")
        mail(connection, "c", state="in_doubt", reason="timeout")
    rolled(shop)
    assert counts(shop, by="variant") == {
        "holdout": {"held_out": 1},
        "default": {"planned": 2, "skipped": 3},
    }
    query = "select variant, reason, steps, by_decision, by_message, in_doubt from kpi.refused_daily order by 1, 2"
    with shop.connect() as connection:
        assert rows(connection, query) == [
            ("default", "no_permission", 1, 1, 0, 0),
            ("default", "stale", 2, 2, 0, 0),
            ("default", "suppressed", 1, 0, 1, 0),
            ("default", "timeout", 1, 0, 1, 1),
            ("holdout", "held_out", 1, 1, 0, 0),
        ]
        states = rows(connection, "select state, outcome, messages from kpi.message_states order by 1")
        query = "select outcome, reason, sum(steps) from kpi.decision_daily group by 1, 2 order by 1, 2"
        decided = rows(connection, query)
    assert states == [("cancelled", None, 1), ("in_doubt", None, 1)]
    assert decided == [
        ("send", "eligible", 3), ("skip", "held_out", 1), ("skip", "no_permission", 1), ("skip", "stale", 2),
    ]  # fmt: skip


def test_many_opens_count_once_and_machines_apart(shop: Engine) -> None:
    """Openers are mails that a person opened. A mail that a machine opened counts as a machine opener, not as an
    opener."""
    with shop.begin() as connection:
        mail(connection, "a", delivered_at=at(1), first_open_at=at(2), last_open_at=at(90))
        mail(connection, "b", delivered_at=at(1), first_machine_open_at=at(1))
        mail(connection, "c", delivered_at=at(1), first_open_at=at(2), last_open_at=at(2),
             first_machine_open_at=at(1), first_click_at=at(3), last_click_at=at(4))  # fmt: skip
    rolled(shop)
    assert counts(shop)[TODAY] == {
        "planned": 3, "accepted": 3, "delivered": 3, "openers": 2, "machine_openers": 2, "clickers": 1,
    }  # fmt: skip


class TestConversion:
    """A converter is a mail whose goal was reached in [accepted, accepted + within_days]."""

    @pytest.mark.parametrize(
        ("hours", "status", "converts"),
        [
            (0, "placed", 1),
            (-0.01, "placed", 0),
            (120, "placed", 1),
            (120.01, "placed", 0),
            (5, "cancelled", 0),
            (5, "refunded", 1),
        ],
    )
    def test_the_window_is_closed_on_both_sides(
        self, shop: Engine, hours: float, status: str, converts: int
    ) -> None:
        """An order at the very moment of acceptance, and at the very end, counts; a cancelled one never."""
        with shop.begin() as connection:
            mail(connection, delivered_at=at(0.1))
            builders.order(connection, "o1", "a", at(hours), status=status)
        rolled(shop)
        assert counts(shop)[TODAY].get("converters", 0) == converts

    @pytest.mark.parametrize(
        ("goal", "reached"),
        [
            ("click", {"a": 1, "b": 0}),
            ("open", {"a": 1, "b": 1}),
            ("page_view", {"a": 0, "b": 1}),
            ("review", {"a": 1, "b": 0}),
            ("offer_used", {"a": 0, "b": 1}),
        ],
    )
    def test_other_goals(self, shop: Engine, goal: str, reached: dict[str, int]) -> None:
        """Clicks and opens of this mail, page views, reviews and offers used by its customer."""
        with shop.begin() as connection:
            connection.execute(sa.text("update journey.campaign set goal_event = :goal"), {"goal": goal})
            mail(connection, "a", variant="a", delivered_at=at(1), first_open_at=at(2), last_open_at=at(2),
                 first_click_at=at(119), last_click_at=at(119))  # fmt: skip
            mail(connection, "b", variant="b", delivered_at=at(1), first_open_at=at(2), last_open_at=at(2),
                 first_click_at=at(121), last_click_at=at(121))  # fmt: skip
            load_id = builders.load(connection)
            builders.insert(
                connection, "source.page_view", view_id="v", customer_id="b", viewed_at=at(3), load_id=load_id
            )
            builders.insert(
                connection, "source.review",
                review_id="r", customer_id="a", product_id="p", rating=5, reviewed_at=at(3), load_id=load_id,
            )  # fmt: skip
            for code, who, campaign in (("x", "a", "another"), ("y", "b", "cart_abandoned")):
                builders.insert(
                    connection, "source.offer",
                    offer_code=code, customer_id=who, campaign=campaign, valid_from=at(0), valid_until=at(99),
                    redeemed_at=at(3), load_id=load_id,
                )  # fmt: skip
        rolled(shop)
        found = {arm: values.get("converters", 0) for arm, values in counts(shop, by="variant").items()}
        assert found == reached

    def test_a_mail_that_bounced_converts_nobody(self, shop: Engine) -> None:
        """An order after a bounced mail is neither its conversion nor its revenue."""
        with shop.begin() as connection:
            mail(connection, bounced_hard_at=at(1))
            builders.order(connection, "o1", "a", at(2))
        rolled(shop)
        assert "converters" not in counts(shop)[TODAY]
        with shop.connect() as connection:
            assert rows(connection, "select * from kpi.order_credit") == []

    def test_an_order_loaded_late_reaches_the_mail_s_day_and_a_cancelled_one_leaves_it(self, shop: Engine) -> None:
        """Orders that arrive or are cancelled after the roll-up change the day of the mail they follow."""
        with shop.begin() as connection:
            mail(connection, delivered_at=at(1))
        rolled(shop)
        with shop.begin() as connection:
            builders.order(connection, "o1", "a", at(48), total=30)
        rolled(shop)
        assert counts(shop)[TODAY]["converters"] == 1
        assert counts(shop, "event_daily")[date(2026, 3, 4)] == {"converters": 1, "accepted_converters": 1}
        with shop.begin() as connection:
            connection.execute(
                sa.text("update source.orders set status = 'cancelled', load_id = :load"),
                {"load": builders.load(connection)},
            )
        rolled(shop)
        assert "converters" not in counts(shop)[TODAY]
        with shop.connect() as connection:
            assert rows(connection, "select * from kpi.campaign_revenue_daily") == []


class TestRevenue:
    """An order is credited once: to the last accepted marketing mail before it whose window holds it."""

    def test_the_last_mail_takes_the_credit(self, shop: Engine) -> None:
        """If two mails precede an order, the later one is credited, though both convert; transactional mail is never
        credited."""
        with shop.begin() as connection:
            builders.campaign(connection, "birthday", goal_within_days=30)
            builders.campaign(connection, "receipt", is_marketing=False)
            mail(connection, campaign="birthday", accepted_at=at(0))
            mail(connection, accepted_at=at(10))
            mail(connection, campaign="receipt", accepted_at=at(20))
            builders.order(connection, "soon", "a", at(30), total=40)
            builders.order(connection, "late", "a", at(24 * 20), total=5)
            builders.order(connection, "refunded", "a", at(31), total=7, status="refunded")
            builders.order(connection, "before", "a", at(-1), total=9)
        rolled(shop)
        with shop.connect() as connection:
            query = "select campaign, revenue, currency from kpi.campaign_revenue_daily order by campaign"
            assert rows(connection, query) == [
                ("birthday", Decimal("5.0000"), "EUR"),
                ("cart_abandoned", Decimal("40.0000"), "EUR"),
            ]
            query = "select campaign, accepted_converters from kpi.campaign_daily order by campaign"
            assert rows(connection, query) == [("birthday", 1), ("cart_abandoned", 1), ("receipt", 1)]
            assert rows(connection, "select order_id, campaign from kpi.order_credit order by 1") == [
                ("late", "birthday"),
                ("soon", "cart_abandoned"),
            ]

    def test_currencies_are_never_added_up(self, shop: Engine) -> None:
        """Each currency has a row of its own, and an order in another currency changes no other row."""
        with shop.begin() as connection:
            mail(connection)
            for key, currency in (("o1", "EUR"), ("o2", "USD"), ("o3", "USD")):
                builders.order(connection, key, "a", at(5), currency=currency)
        rolled(shop)
        with shop.connect() as connection:
            query = "select currency, orders, revenue from kpi.campaign_revenue_daily order by 1"
            assert rows(connection, query) == [("EUR", 1, 10), ("USD", 2, 20)]


class TestViews:
    """Rates are views over stored numerators and denominators."""

    def test_rates_divide_by_the_right_denominator(self, shop: Engine) -> None:
        """Delivery and bounces are shares of accepted, everything else of delivered; clicks also of openers."""
        with shop.begin() as connection:
            for who in "abc":
                mail(connection, who, delivered_at=at(1))
            mail(connection, "a", delivered_at=at(1), first_open_at=at(2), last_open_at=at(2), first_click_at=at(2),
                 last_click_at=at(2), unsubscribed_at=at(3), complained_at=at(3))  # fmt: skip
            mail(connection, "d", bounced_hard_at=at(1))
            builders.order(connection, "o1", "a", at(5), total=30)
        rolled(shop)
        names = (
            "delivery_rate, open_rate, click_through_rate, click_to_open_rate, hard_bounce_rate, bounce_rate,"
            " unsubscribe_rate, complaint_rate, conversion_rate, conversion_rate_benchmark"
        )
        expected = [0.8, 0.25, 0.25, 1, 0.2, 0.2, 0.25, 0.25, 0.5, 0.15]
        with shop.connect() as connection:
            for query in (
                f"select {names} from kpi.campaign_rates",  # noqa: S608
                f"select {names} from kpi.campaign_summary where step is null",  # noqa: S608
            ):
                assert [[float(value) for value in row] for row in rows(connection, query)] == [expected]
            query = "select revenue, revenue_per_email from kpi.campaign_revenue where step is null"
            assert rows(connection, query) == [(30, Decimal("7.5"))]

    def test_every_rate_stands_in_an_interval(self, shop: Engine) -> None:
        """Wilson's 95 %, by hand for 1 of 4: 0.045587 to 0.699358. Each rate of the views of rates has its bounds.
        Clicks of machines stand apart from those of people, as their opens do."""
        with shop.begin() as connection:
            for who in "abc":
                mail(connection, who, delivered_at=at(1))
            mail(connection, "d", delivered_at=at(1), first_machine_click_at=at(1))
        rolled(shop)
        for view in ("campaign_rates", "campaign_summary"):
            columns = {one["name"] for one in sa.inspect(shop).get_columns(view, schema="kpi")}
            rates = {name for name in columns if name.endswith(("_rate", "_coverage")) or name == "click_to_conversion"}
            assert {f"{name}_{side}" for name in rates for side in ("low", "high")} <= columns, view
            names = (
                "machine_clickers, machine_click_rate, machine_click_rate_low, machine_click_rate_high,"
                " delivery_rate_high, click_through_rate_low, click_to_open_rate_low"
            )
            with shop.connect() as connection:
                found = rows(connection, f"select {names} from kpi.{view} limit 1")  # noqa: S608
                assert [tuple(map(str, row)) for row in found] == [
                    ("1", "0.250000", "0.045587", "0.699358", "1.000000", "0.000000", "None")
                ], view

    def test_nothing_is_divided_by_zero(self, shop: Engine) -> None:
        """If nothing was accepted, every rate is null."""
        with shop.begin() as connection:
            mail(connection, state="planned")
        rolled(shop)
        with shop.connect() as connection:
            query = "select delivery_rate, open_rate, click_to_open_rate from kpi.campaign_rates"
            assert rows(connection, query) == [(None,) * 3]
            goal = "select mailed_series, conversion_rate, is_reached, converters_missing from kpi.campaign_goal"
            assert rows(connection, goal) == [(0, None, None, 0)]

    def test_no_share_is_above_the_whole(self, shop: Engine) -> None:
        """Mails about which nothing was heard and that convert are no numerator of delivered ones, and a click is an
        open. What is known of all accepted mails stands next to it, with the part that was heard of."""
        with shop.begin() as connection:
            mail(connection, "a", delivered_at=at(1), first_click_at=at(2), last_click_at=at(2))
            mail(connection, "a", delivered_at=at(1), first_click_at=at(2), last_click_at=at(2))
            mail(connection, "d", delivered_at=at(1), first_open_at=at(2), last_open_at=at(2))
            for who in "bc":
                mail(connection, who)
            for who, total in (("a", 30), ("b", 7), ("c", 5), ("d", 60)):
                builders.order(connection, f"o{who}", who, at(5), total=total)
        rolled(shop)
        names = (
            "delivered, pending, openers, clickers, converters, click_converters, accepted_converters, events_coverage,"
            " open_rate, click_to_open_rate, conversion_rate, click_to_conversion, accepted_conversion_rate"
        )
        expected = [3, 2, 3, 2, 3, 2, 5, 0.6, 1, 0.666667, 1, 1, 1]
        with shop.connect() as connection:
            for view, only in (("campaign_rates", "true"), ("campaign_summary", "step is null")):
                found = rows(connection, f"select {names} from kpi.{view} where {only}")  # noqa: S608
                assert [[float(value) for value in row] for row in found] == [expected], view
            names = "revenue, delivered_revenue, revenue_per_email, accepted_revenue_per_email"
            found = rows(connection, f"select {names} from kpi.campaign_revenue where step is null")  # noqa: S608
            assert [[float(value) for value in row] for row in found] == [[102, 90, 30, 20.4]]

    def test_revenue_follows_a_mail_that_turns_out_to_be_delivered(self, shop: Engine) -> None:
        """An order credited to a pending mail counts among the delivered once the mail was delivered."""
        with shop.begin() as connection:
            enrollment = mail(connection)
            builders.order(connection, "o1", "a", at(5), total=30)
        rolled(shop)
        query = "select revenue, delivered_revenue, revenue_per_email from kpi.campaign_revenue where step is null"
        with shop.connect() as connection:
            assert rows(connection, query) == [(30, 0, None)]
        with shop.begin() as connection:
            builders.insert(
                connection, "event.engagement",
                enrollment_id=enrollment, step="reminder", campaign="cart_abandoned", customer_id="a",
                message_id=builders.message_id_of(connection, enrollment, "reminder"),
                first_event_at=at(1), delivered_at=at(1), batch_id=batch(connection),
            )  # fmt: skip
        rolled(shop)
        with shop.connect() as connection:
            assert rows(connection, query) == [(30, 30, 30)]


class TestGoal:
    """A campaign's goal counts series, not mails, inside its dates, by the last roll-up."""

    def progress(self, warehouse: Engine, names: str) -> list[tuple[Any, ...]]:
        with warehouse.connect() as connection:
            return rows(connection, f"select {names} from kpi.campaign_goal")  # noqa: S608

    def series(self, connection: Connection, who: str, days: float, *, mails: int = 1, **facts: Any) -> None:
        """A series of some mails, a day apart, all delivered unless `facts` say otherwise."""
        accepted = [at(24 * (days + number)) for number in range(mails)]
        enrollment = builders.enrollment(connection, "cart_abandoned", who, enrolled_at=accepted[0])
        for number, moment in enumerate(accepted):
            given = facts or {"delivered_at": moment}
            step = f"step{number}"
            message_id = builders.message(
                connection, enrollment, "cart_abandoned", who, step, planned_at=moment
            )
            builders.insert(
                connection, "event.engagement",
                enrollment_id=enrollment, step=step, message_id=message_id, campaign="cart_abandoned",
                customer_id=who, first_event_at=moment, batch_id=batch(connection), **given,
            )  # fmt: skip

    def test_a_series_of_three_mails_is_one(self, shop: Engine) -> None:
        """Four series mailed, one three times before its order: one of four, and 2 are missing to two thirds."""
        with shop.begin() as connection:
            connection.execute(sa.text("update journey.campaign set goal_target_ratio = 0.67"))
            self.series(connection, "a", 0, mails=3)
            for who in "bcd":
                self.series(connection, who, 0)
            builders.order(connection, "o1", "a", at(60))
        rolled(shop)
        names = "mailed_series, converted_series, conversion_rate, above_target, is_reached, converters_missing"
        assert self.progress(shop, names) == [(4, 1, Decimal("0.250000"), Decimal("-0.420000"), False, 2)]

    def test_series_without_a_delivered_mail_and_outside_the_dates_do_not_count(self, shop: Engine) -> None:
        """Only series whose first delivered mail lies on a day from `from` to `until` count, both days included."""
        with shop.begin() as connection:
            connection.execute(
                sa.text("update journey.campaign set goal_from = '2026-03-03', goal_until = '2026-03-05'")
            )
            for number, (days, who) in enumerate([(0, "a"), (1, "a"), (3, "b"), (4, "c")]):
                self.series(connection, who, days + number / 1000)
            self.series(connection, "d", 2, bounced_hard_at=at(50))
            for who in "abcd":
                builders.order(connection, f"o{who}", who, at(100))
        rolled(shop)
        assert self.progress(shop, "mailed_series, converted_series") == [(2, 2)]

    def test_what_is_needed_per_day_stands_next_to_the_pace(self, shop: Engine) -> None:
        """On the 3rd of March two of ten converted, 4 are missing to 0.6, and three days are left with today: 1.333333
        per day. So far it was 1 per day. After the last day nothing is needed any more."""
        with shop.begin() as connection:
            query = "update journey.campaign set goal_target_ratio = 0.6, goal_until = '2026-03-05'"
            connection.execute(sa.text(query))
            for number in range(10):
                self.series(connection, f"p{number}", 0)
            for number in (1, 2):
                builders.order(connection, f"o{number}", f"p{number}", at(5))
        names = "converters_missing, days_left, needed_per_day, pace"
        roll_up(shop, reporting_zone="UTC", now=at(24))
        assert self.progress(shop, names) == [(4, 3, Decimal("1.333333"), Decimal("1.000000"))]
        rolled(shop)
        assert self.progress(shop, names) == [(4, None, None, Decimal("0.500000"))]

    def test_a_goal_is_reached_by_the_lower_bound(self, shop: Engine) -> None:
        """Two of two is no proof of 0.5, since Wilson's lower bound is 0.342; eight of eight, with 0.676, is one."""
        with shop.begin() as connection:
            connection.execute(sa.text("update journey.campaign set goal_target_ratio = 0.5"))
            for number in range(2):
                self.series(connection, f"p{number}", 0)
                builders.order(connection, f"o{number}", f"p{number}", at(5))
        rolled(shop)
        assert self.progress(shop, "round(conversion_rate_low, 3), is_reached") == [(Decimal("0.342"), False)]
        with shop.begin() as connection:
            for number in range(2, 8):
                self.series(connection, f"p{number}", 0)
                builders.order(connection, f"o{number}", f"p{number}", at(5))
        rolled(shop)
        assert self.progress(shop, "round(conversion_rate_low, 3), is_reached") == [(Decimal("0.676"), True)]

    def test_without_a_target_nothing_compares_with_it(self, shop: Engine) -> None:
        """Counts and the rate are there; what compares with a target is null."""
        with shop.begin() as connection:
            query = "update journey.campaign set goal_target_ratio = null, goal_until = '2030-01-01'"
            connection.execute(sa.text(query))
            self.series(connection, "a", 0)
        rolled(shop)
        names = (
            "mailed_series, conversion_rate, above_target, is_reached, converters_missing, days_left,"
            " needed_per_day, pace"
        )
        assert self.progress(shop, names) == [(1, 0, None, None, None, None, None, None)]


class TestList:
    """The customers who may be mailed at all: permission confirmed, not suppressed for everything, not erased."""

    def movements(self, warehouse: Engine) -> list[tuple[Any, ...]]:
        """All movements of the list after a roll-up."""
        rolled(warehouse)
        with warehouse.connect() as connection:
            return rows(connection, "select customer_id, day, movement from kpi.list_movement order by 1, 2, 3")

    def test_every_way_of_leaving_has_its_column(self, shop: Engine) -> None:
        """Unsubscribes, bounces, complaints, sunset and withdrawals are counted apart, topics not at all."""
        with shop.begin() as connection:
            for name in "abcd":
                builders.permission(connection, name, "confirmed", at(-24))
            for address, scope, reason in (
                ("a@example.com", "all", "unsubscribed"), ("b@example.com", "all", "hard_bounce"),
                ("c@example.com", "topic:offers", "unsubscribed"), ("d@example.com", "all", "complaint"),
                ("nobody@example.com", "all", "complaint"),
            ):  # fmt: skip
                builders.insert(
                    connection, "event.suppression",
                    address=address, scope=scope, reason=reason, suppressed_at=at(0), source="test",
                )  # fmt: skip
            for name, origin in (("e", "sunset"), ("f", "feed"), ("g", "unsubscribe")):
                builders.customer(connection, name)
                builders.permission(connection, name, "confirmed", at(-24))
                builders.permission(connection, name, "withdrawn", at(1), origin)
        rolled(shop)
        with shop.connect() as connection:
            found = rows(connection, "select * from kpi.list_daily where day <= :day order by day", day=TODAY)
        assert found == [
            (date(2026, 3, 1), 0, 7, 0, 0, 0, 0, 0, 0, 0, 7, LATER),
            (TODAY, 7, 0, 2, 1, 1, 1, 1, 0, 0, 1, LATER),
        ]

    def test_growth_counts_who_is_new_and_net_growth_everyone(self, shop: Engine) -> None:
        """Growth is the guides' formula: new, less unsubscribed, bounced and complained. Those who return are not new,
        and those who leave in another way are not in it. Net growth is what the list grew by."""
        with shop.begin() as connection:
            for name in "abcd":
                builders.permission(connection, name, "confirmed", at(-24))
            for name in ("e", "f"):
                builders.customer(connection, name)
            builders.permission(connection, "a", "withdrawn", at(0), "unsubscribe")
            builders.permission(connection, "b", "withdrawn", at(0), "sunset")
            builders.permission(connection, "c", "withdrawn", at(1), "operator")
            builders.permission(connection, "e", "confirmed", at(2))
            builders.permission(connection, "a", "confirmed", at(25), "preference_page")
            builders.permission(connection, "b", "confirmed", at(26), "preference_page")
            builders.permission(connection, "f", "confirmed", at(26))
        rolled(shop)
        query = (
            "select day, opening, closing, growth, growth_rate, net_growth, net_growth_rate from kpi.list_growth"
            " where day <= :day order by day"
        )
        with shop.connect() as connection:
            assert rows(connection, query, day=TOMORROW) == [
                (date(2026, 3, 1), 0, 4, 4, None, 4, None),
                (TODAY, 4, 2, 0, 0, -2, Decimal("-0.5")),
                (TOMORROW, 2, 5, 1, Decimal("0.5"), 3, Decimal("1.5")),
            ]

    def test_coming_back_is_returned_and_one_leave_counts_a_day(self, shop: Engine) -> None:
        """Two reasons on one day are one leave; the way back is `returned`; in and out in a day counts both."""
        with shop.begin() as connection:
            builders.permission(connection, "a", "confirmed", at(-24))
            for hours, reason in ((0, "unsubscribed"), (1, "complaint")):
                builders.insert(
                    connection, "event.suppression", address="a@example.com", scope="all", reason=reason,
                    suppressed_at=at(hours), source="test", lifted_at=at(30),
                )  # fmt: skip
            builders.permission(connection, "b", "confirmed", at(0))
            builders.permission(connection, "b", "withdrawn", at(1), "unsubscribe")
        assert self.movements(shop) == [
            ("a", date(2026, 3, 1), "joined"),
            ("a", TODAY, "unsubscribed"),
            ("a", TOMORROW, "returned"),
            ("b", TODAY, "joined"),
            ("b", TODAY, "unsubscribed"),
        ]

    def test_an_erasure_leaves_history_as_it_was_counted(self, shop: Engine) -> None:
        """An erased person leaves the list that day; what was counted before stays, also in a full roll-up."""
        with shop.begin() as connection:
            for name in "ab":
                builders.permission(connection, name, "confirmed", at(-48))
            builders.insert(
                connection, "event.suppression", address="b@example.com", scope="all", reason="complaint",
                suppressed_at=at(-24), source="test",
            )  # fmt: skip
        self.movements(shop)
        with shop.begin() as connection:
            connection.execute(sa.text("delete from event.suppression"))
            connection.execute(
                sa.text("update source.customer set email = null, erased_at = :at where customer_id in ('a', 'b')"),
                {"at": at(0)},
            )
        expected = [
            ("a", date(2026, 2, 28), "joined"),
            ("a", TODAY, "erased"),
            ("b", date(2026, 2, 28), "joined"),
            ("b", date(2026, 3, 1), "complained"),
        ]
        assert self.movements(shop) == expected
        roll_up(shop, reporting_zone="UTC", now=LATER, full=True)
        assert self.movements(shop) == expected

    def test_a_feed_does_not_bring_back_who_withdrew(self, shop: Engine) -> None:
        """The list follows the standing permission: a later `confirmed` of a feed does not lift a withdrawal."""
        with shop.begin() as connection:
            builders.permission(connection, "a", "confirmed", at(-24))
            builders.permission(connection, "a", "withdrawn", at(0), "unsubscribe")
            builders.permission(connection, "a", "confirmed", at(24), "feed")
            builders.permission(connection, "b", "withdrawn", at(0), "feed")
            builders.permission(connection, "b", "confirmed", at(24), "preference_page")
        assert self.movements(shop) == [
            ("a", date(2026, 3, 1), "joined"),
            ("a", TODAY, "unsubscribed"),
            ("b", TOMORROW, "joined"),
        ]
