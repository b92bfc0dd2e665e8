"""Experiments: who is compared, in which epoch, when a number may be read, and what is known to be true stays true."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine
from statsmodels.stats.proportion import confint_proportions_2indep

import builders
from builders import NOON, customer, insert, load, order, rows
from lifecycle_mail.database import run, statement
from lifecycle_mail.journeys.planning import record_planning
from lifecycle_mail.kpis import check, experiments, rename_campaign, roll_up
from planning import campaign_of, member, members, plan, topic_of

HOUR = timedelta(hours=1)
LATER = NOON + timedelta(days=60)
LIFT = "verdict, treated, treated_converters, held_out, held_out_converters, lift"


def at(hours: float) -> datetime:
    """A moment after noon."""
    return NOON + hours * HOUR


def rolled(warehouse: Engine, now: datetime = LATER) -> None:
    """Roll up, hold every identity, and hold a full roll-up to the same numbers."""
    roll_up(warehouse, reporting_zone="UTC", now=now)
    assert check(warehouse) == []
    before = everything(warehouse)
    roll_up(warehouse, reporting_zone="UTC", now=now, full=True)
    assert everything(warehouse) == before


def everything(warehouse: Engine) -> dict[str, list[tuple[Any, ...]]]:
    tables = ("experiment", "arm_unit", "arm_count", "experiment_result")
    query = "select cast(to_jsonb(written) - 'as_of' as text) from kpi.{} as written order by 1"
    return {table: found(warehouse, query.format(table)) for table in tables}


def found(warehouse: Engine, query: str, **given: Any) -> list[tuple[Any, ...]]:
    with warehouse.connect() as connection:
        return rows(connection, query, **given)


PEOPLE = """
with person as (
    select n, cast(:prefix as text) || n as customer_id from generate_series(1, cast(:people as bigint)) as n
),
begun as (
    insert into journey.enrollment
        (campaign, customer_id, occurrence, occurred_at, enrolled_at, is_holdout, ended_at, end_reason, epoch)
    select :campaign, customer_id, 'o', :at, :at, :is_holdout, :at, 'completed', :epoch from person
    returning enrollment_id, customer_id
),
bought as (
    insert into source.orders (order_id, customer_id, ordered_at, total, currency, load_id)
    select customer_id, customer_id, cast(:at as timestamptz) + interval '1 hour', 10, 'EUR', :load
    from person where n <= :converters
)
insert into decision.decision
    (decided_at, as_of, enrollment_id, step, campaign, customer_id, variant, outcome, reason, due_at)
select cast(:at as timestamptz), :at, enrollment_id, 'reminder', :campaign, customer_id,
    case when :is_holdout then 'holdout' else :variant end,
    case when :is_holdout then 'skip' else 'send' end, case when :is_holdout then 'held_out' else 'eligible' end, :at
from begun
"""


def people(
    connection: Connection, prefix: str, converters: int, people: int, *, is_holdout: bool = False, epoch: int = 1,
    campaign: str = "cart_abandoned", variant: str = "default", at: datetime = NOON,
) -> None:  # fmt: skip
    """So many people of one arm, the first of whom order an hour after their enrollment."""
    builders.ensure_month(connection, "decision.decision", at)
    given = {
        "prefix": prefix, "converters": converters, "people": people, "is_holdout": is_holdout, "epoch": epoch,
        "campaign": campaign, "variant": variant, "at": at, "load": load(connection),
    }  # fmt: skip
    connection.execute(sa.text(PEOPLE), given)


@pytest.fixture
def shop(warehouse: Engine) -> Engine:
    """A campaign without a target whose goal is an order within 5 days, with half of the people held out."""
    with warehouse.begin() as connection:
        builders.campaign(connection, goal_target_ratio=None)
        builders.epoch(connection)
    return warehouse


def series(
    connection: Connection, who: str, outcome: str = "send", reason: str = "eligible", *, step: str = "reminder",
    variant: str = "default", **columns: Any,
) -> int:  # fmt: skip
    """A series with the first decision of its first step."""
    moment = columns.setdefault("enrolled_at", NOON)
    enrollment = builders.enrollment(connection, columns.pop("campaign", "cart_abandoned"), who, **columns)
    decide(connection, enrollment, who, outcome, reason, step=step, variant=variant, at=moment)
    return enrollment


def decide(
    connection: Connection, enrollment: int, who: str, outcome: str, reason: str, *, step: str = "reminder",
    variant: str = "default", at: datetime = NOON, campaign: str = "cart_abandoned",
) -> None:  # fmt: skip
    builders.decision(
        connection, enrollment, campaign, who, step, outcome=outcome, reason=reason, decided_at=at,
        variant="holdout" if reason == "held_out" else variant,
    )  # fmt: skip


class TestKnownTruths:
    """Situations in which the right answer is known."""

    def test_four_carts_each_and_no_effect(self, warehouse: Engine) -> None:
        """200 people, half of them held out, put four carts together in 36 hours. Newer carts end series that nothing
        was sent for, and 30 of 100 of either side buy. Each person counts once, and there is no effect."""
        goal = {"event": "order", "within_days": 5, "target_rate": 0.3}
        campaign = campaign_of(holdout=0.5, reenter_after_days=0, goal=goal)
        names = [f"p{number}" for number in range(200)]
        members(warehouse, *names)
        for cart in range(4):
            with warehouse.begin() as connection:
                for name in names if cart else ():
                    member(connection, name, f"{name}-{cart}", at(12 * cart))
            plan(warehouse, campaign, topic_of(), at(12 * cart))
        with warehouse.begin() as connection:
            query = "select distinct customer_id from journey.enrollment where is_holdout = :held order by 1"
            sides = {held: [name for (name,) in rows(connection, query, held=held)] for held in (False, True)}
            buyers = {is_holdout: side[: round(0.3 * len(side))] for is_holdout, side in sides.items()}
            for name in [*buyers[False], *buyers[True]]:
                order(connection, name, name, at(40))
        assert len(sides[False]) + len(sides[True]) == 200
        rolled(warehouse, at(24 * 6))
        ((verdict, *counts, lift),) = found(warehouse, f"select {LIFT} from kpi.campaign_lift")  # noqa: S608
        assert counts == [len(sides[False]), len(buyers[False]), len(sides[True]), len(buyers[True])]
        assert verdict == "no_call"
        assert abs(lift) < 0.01

    def test_shares_that_changed_between_months(self, shop: Engine) -> None:
        """Half held out in a month in which 5 % buy, one in twenty in one in which 15 % buy: no effect, though the
        treated bought 11.6 % and the held out 5.9 % over both months."""
        with shop.begin() as connection:
            builders.epoch(connection, epoch=2, holdout_ratio=0.05, began_at=at(24 * 20))
            people(connection, "a", 50, 1_000)
            people(connection, "b", 50, 1_000, is_holdout=True)
            people(connection, "c", 285, 1_900, epoch=2, at=at(24 * 30))
            people(connection, "d", 15, 100, epoch=2, at=at(24 * 30), is_holdout=True)
        rolled(shop)
        assert found(shop, f"select {LIFT}, epochs, lift_low < 0, lift_high > 0 from kpi.campaign_lift") == [  # noqa: S608
            ("no_call", 2_900, 335, 1_100, 65, 0, 2, True, True)
        ]

    def test_an_offer_has_no_lift(self, shop: Engine) -> None:
        """Both sides buy alike, the treated with the offer's code. No held-out person has a code, so the goal of using
        it has no lift; nor have opens and clicks."""
        with shop.begin() as connection:
            for name in ("offer_used", "open", "click"):
                builders.campaign(connection, name, goal_event=name)
                builders.epoch(connection, name, goal_event=name)
                for side, held in (("a", False), ("b", True)):
                    people(connection, f"{name}-{side}", 20, 100, is_holdout=held, campaign=name)
            connection.execute(sa.text(
                "insert into source.offer (offer_code, customer_id, campaign, valid_from, valid_until, redeemed_at,"
                " load_id) select 'X' || n, 'offer_used-a' || n, 'offer_used', :at, :at, :at, :load"
                " from generate_series(1, 20) as n"
            ), {"at": at(1), "load": load(connection)})  # fmt: skip
        rolled(shop)
        assert found(shop, "select campaign from kpi.campaign_lift") == [("cart_abandoned",)]
        query = "select campaign, arm, count(*), count(converted_at) from kpi.arm_unit group by 1, 2 order by 1, 2"
        assert found(shop, query) == [
            (name, arm, 100, 0) for name in ("click", "offer_used", "open") for arm in ("held_out", "treated")
        ]

    def test_a_planted_split_is_an_alarm(self, shop: Engine) -> None:
        """600 treated and 400 held out where halves were dealt: something else chose, so nothing is called, whatever
        the difference. 520 and 480 are chance."""
        with shop.begin() as connection:
            people(connection, "a", 300, 600)
            people(connection, "b", 40, 400, is_holdout=True)
            builders.campaign(connection, "fair", goal_target_ratio=None)
            builders.epoch(connection, "fair")
            people(connection, "c", 260, 520, campaign="fair")
            people(connection, "d", 48, 480, is_holdout=True, campaign="fair")
        rolled(shop)
        query = "select campaign, verdict, lift, sample_ratio_p < 0.001 from kpi.campaign_lift order by 1"
        assert found(shop, query) == [
            ("cart_abandoned", "no_call", Decimal("0.400000"), True),
            ("fair", "helps", Decimal("0.400000"), False),
        ]

    def test_published_intervals(self, shop: Engine) -> None:
        """Newcombe's tenth method, by his examples 56/70-48/80 and 10/10-0/20."""
        with shop.begin() as connection:
            for name, treated, held_out in (("one", (56, 70), (48, 80)), ("two", (10, 10), (0, 20))):
                builders.campaign(connection, name, goal_target_ratio=None)
                builders.epoch(connection, name)
                people(connection, f"{name}-a", *treated, campaign=name)
                people(connection, f"{name}-b", *held_out, campaign=name, is_holdout=True)
        rolled(shop)
        query = (
            "select campaign, treated, treated_converters, treated_rate, held_out, held_out_converters, held_out_rate,"
            " round(lift, 4), round(lift_low, 4), round(lift_high, 4), verdict from kpi.campaign_lift"
            " where treated > 0 order by 1"
        )
        assert [tuple(map(str, row)) for row in found(shop, query)] == [
            ("one", "70", "56", "0.800000", "80", "48", "0.600000", "0.2000", "0.0524", "0.3339", "helps"),
            ("two", "10", "10", "1.000000", "20", "0", "0.000000", "1.0000", "0.6791", "1.0000", "helps"),
        ]


class TestUnits:
    """Who counts, and from when to when."""

    def test_only_the_first_series_of_an_epoch_counts(self, shop: Engine) -> None:
        """A customer with three series in one epoch and one in the next is one person in each, with the first."""
        with shop.begin() as connection:
            builders.epoch(connection, epoch=2, holdout_ratio=0.1, began_at=at(24 * 20))
            for days in (0, 6, 12):
                series(connection, "ann", enrolled_at=at(24 * days))
            series(connection, "ann", "skip", "held_out", enrolled_at=at(24 * 30), is_holdout=True, epoch=2)
            order(connection, "o1", "ann", at(24 * 7))
        rolled(shop)
        query = "select epoch, arm, enrolled_at, window_ends_at, converted_at, orders from kpi.arm_unit order by 1"
        assert found(shop, query) == [
            (1, "treated", NOON, at(24 * 5), None, 0),
            (2, "held_out", at(24 * 30), at(24 * 35), None, 0),
        ]

    @pytest.fixture
    def decided(self, shop: Engine) -> Engine:
        """One person per first decision; some have a second one that says otherwise."""
        with shop.begin() as connection:
            for outcome, reason in [
                ("send", "eligible"), ("defer", "quiet_hours"), ("defer", "capped"), ("skip", "capped"),
                ("skip", "lower_priority"), ("skip", "stale"), ("skip", "no_common_hours"), ("skip", "held_out"),
                ("skip", "no_permission"), ("skip", "suppressed"), ("skip", "branch_not_taken"),
                ("skip", "mailbox_rests"), ("skip", "converted"), ("hold", "paused"),
            ]:  # fmt: skip
                series(connection, f"{outcome}-{reason}", outcome, reason, is_holdout=reason == "held_out")
            late = series(connection, "then-suppressed", "defer", "quiet_hours")
            decide(connection, late, "then-suppressed", "skip", "suppressed", at=at(9))
            other = series(connection, "next-suppressed")
            decide(connection, other, "next-suppressed", "skip", "suppressed", step="doubts", at=at(9))
            moved = series(connection, "added-later", "skip", "added_later", step="early")
            decide(connection, moved, "added-later", "send", "eligible", at=at(1))
        return shop

    def test_the_first_decision_says_whether_a_mail_was_possible(self, decided: Engine) -> None:
        """What is judged after the holdout leaves a person eligible, what is judged before it does not. Later
        decisions change nothing, one about the file is passed over. Those not eligible count in `all_` only."""
        rolled(decided)
        query = "select customer_id from kpi.arm_unit where is_eligible"
        assert {name for (name,) in found(decided, query)} == {
            "send-eligible", "defer-quiet_hours", "defer-capped", "skip-capped", "skip-lower_priority", "skip-stale",
            "skip-no_common_hours", "skip-held_out", "then-suppressed", "next-suppressed", "added-later",
        }  # fmt: skip
        query = "select treated, held_out, all_treated, all_held_out from kpi.campaign_lift"
        assert found(decided, query) == [(10, 1, 16, 1)]

    def test_a_window_counts_when_it_is_over(self, shop: Engine) -> None:
        """A person is pending until the very end of the window, also if the order is there already."""
        with shop.begin() as connection:
            people(connection, "a", 1, 3)
            people(connection, "b", 1, 2, is_holdout=True)
        names = "treated, treated_converters, held_out, pending_units, as_of"
        for now, expected in ((at(119.99), (0, 0, 0, 5)), (at(120), (3, 1, 2, 0)), (at(50), (0, 0, 0, 5))):
            rolled(shop, now)
            assert found(shop, f"select {names} from kpi.campaign_lift") == [(*expected, now)]  # noqa: S608

    def test_money_stands_apart_by_currency_and_before(self, shop: Engine) -> None:
        """Orders inside the window and of the 90 days before the series, without cancelled ones; refunded ones bring no
        revenue. Amounts of two currencies are never added up."""
        with shop.begin() as connection:
            series(connection, "ann")
            for key, hours, total, columns in [
                ("in1", 0, 10, {}), ("in2", 120, 5, {}), ("usd", 5, 7, {"currency": "USD"}),
                ("none", 6, 1, {"currency": None}), ("gone", 7, 100, {"status": "cancelled"}),
                ("back", 8, 100, {"status": "refunded"}), ("after", 120.1, 100, {}), ("before", -0.1, 3, {}),
                ("first", -24 * 90, 4, {}), ("long ago", -24 * 90 - 0.1, 100, {}),
            ]:  # fmt: skip
                order(connection, key, "ann", at(hours), total=total, **columns)
        rolled(shop)
        assert found(shop, "select orders, revenue, orders_before, revenue_before, converted_at from kpi.arm_unit") == [
            (5, {"EUR": 15, "USD": 7, "XXX": 1}, 2, {"EUR": 7}, NOON)
        ]

    def test_a_fact_that_changes_hands_changes_both(self, shop: Engine) -> None:
        """An order that moves from one customer to another converts the other, in a roll-up that is not full too, and
        also if no mail was ever sent."""
        with shop.begin() as connection:
            for who in ("ann", "bob"):
                series(connection, who, "skip", "held_out", is_holdout=True)
            order(connection, "o1", "ann", at(5))
        rolled(shop)
        query = "select customer_id, orders from kpi.arm_unit where converted_at is not null"
        assert found(shop, query) == [("ann", 1)]
        with shop.begin() as connection:
            handed = sa.text("update source.orders set customer_id = 'bob', load_id = :load")
            connection.execute(handed, {"load": load(connection)})
        rolled(shop)
        assert found(shop, query) == [("bob", 1)]
        with shop.begin() as connection:
            moved = sa.text("update source.orders set ordered_at = :at, load_id = :load")
            connection.execute(moved, {"at": at(200), "load": load(connection)})
        rolled(shop)
        assert found(shop, query) == []

    def test_an_erasure_changes_no_count(self, shop: Engine) -> None:
        """The facts of an erased person stay under the id, so the person counts as before, in a full roll-up too."""
        with shop.begin() as connection:
            customer(connection, "ann")
            series(connection, "ann")
            series(connection, "bob", "skip", "held_out", is_holdout=True)
            order(connection, "o1", "ann", at(5))
        rolled(shop)
        before = everything(shop)
        with shop.begin() as connection:
            connection.execute(
                sa.text("update source.customer set email = null, erased_at = :at where customer_id = 'ann'"),
                {"at": at(200)},
            )
        rolled(shop)
        assert everything(shop) == before


class TestEpochs:
    """Series compare with those that were dealt by the same shares, with the same goal."""

    def epochs(self, warehouse: Engine) -> list[tuple[Any, ...]]:
        return found(warehouse, "select epoch, began_at, holdout_ratio from journey.epoch order by 1")

    def test_a_new_epoch_begins_with_new_shares_variants_or_goal(self, warehouse: Engine) -> None:
        """Each change begins one, going back too; the same file, new hours, words, targets and dates begin none. What
        is written on a series is the epoch in which it began."""
        steps = [{"step": "reminder", "after_hours": 0, "template": "cart_abandoned/reminder"}]
        two = [{**steps[0], "variants": {"a": 0.5, "b": 0.5}}]
        most = [{**steps[0], "variants": {"a": 0.9, "b": 0.1}}]
        goal = {"event": "order", "within_days": 5}
        changes: list[tuple[dict[str, Any], int]] = [
            ({"holdout": 0.1}, 1), ({"holdout": 0.1}, 1),
            ({"holdout": 0.1, "priority": 7, "max_lateness_hours": 7, "description": "other words"}, 1),
            ({"holdout": 0.1, "goal": {**goal, "target_rate": 0.2, "from": "2026-01-01", "until": "2027-01-01"}}, 1),
            ({"holdout": 0.2}, 2), ({"holdout": 0.1}, 3), ({"holdout": 0.1, "steps": two}, 4),
            ({"holdout": 0.1, "steps": most}, 5),
            ({"holdout": 0.1, "steps": most, "goal": {**goal, "within_days": 4}}, 6),
            ({"holdout": 0.1, "steps": most, "goal": {"event": "review", "within_days": 4}}, 7),
        ]  # fmt: skip
        for number, (change, _) in enumerate(changes):
            with warehouse.begin() as connection:
                customer(connection, f"c{number}")
                member(connection, f"c{number}", f"cart-{number}", at(number))
            plan(warehouse, campaign_of(**change), topic_of(), at(number))
        query = "select customer_id, epoch from journey.enrollment"
        assert dict(found(warehouse, query)) == {f"c{number}": epoch for number, (_, epoch) in enumerate(changes)}
        assert [(epoch, began, float(share)) for epoch, began, share in self.epochs(warehouse)] == [
            (1, at(0), 0.1), (2, at(4), 0.2), (3, at(5), 0.1), (4, at(6), 0.1), (5, at(7), 0.1), (6, at(8), 0.1),
            (7, at(9), 0.1),
        ]  # fmt: skip
        rolled(warehouse)
        query = (
            "select epoch, kind, step, shares, started_at, ended_at from kpi.experiment where epoch in (1, 4, 7)"
            " order by 1, 2"
        )
        plain = {"treated": 0.9, "held_out": 0.1}
        assert found(warehouse, query) == [
            (1, "holdout", "", plain, at(0), at(4)),
            (4, "holdout", "", plain, at(6), at(7)),
            (4, "variant", "reminder", {"a": 0.5, "b": 0.5}, at(6), at(7)),
            (7, "holdout", "", plain, at(9), None),
            (7, "variant", "reminder", {"a": 0.9, "b": 0.1}, at(9), None),
        ]

    def test_results_are_those_of_the_present_goal(self, shop: Engine) -> None:
        """An epoch keeps its own goal. The result takes the epochs whose goal is the present one."""
        with shop.begin() as connection:
            people(connection, "a", 9, 10)
            people(connection, "b", 0, 10, is_holdout=True)
            builders.epoch(connection, epoch=2, goal_within_days=0.01, began_at=at(24))
            people(connection, "c", 3, 4, epoch=2, at=at(48))
            people(connection, "d", 0, 4, epoch=2, at=at(48), is_holdout=True)
        rolled(shop)
        assert found(shop, f"select {LIFT} from kpi.campaign_lift") == [("no_call", 4, 0, 4, 0, 0)]  # noqa: S608
        query = "select epoch, count(converted_at) from kpi.arm_unit group by 1 order by 1"
        assert found(shop, query) == [(1, 9), (2, 0)]

    def test_a_campaign_without_a_holdout_any_more_keeps_its_lift(self, shop: Engine) -> None:
        """An epoch in which no customer is held out says nothing of the lift, and takes none away."""
        with shop.begin() as connection:
            people(connection, "a", 90, 100)
            people(connection, "b", 10, 100, is_holdout=True)
            builders.epoch(connection, epoch=2, holdout_ratio=0, began_at=at(24))
            people(connection, "c", 0, 500, epoch=2, at=at(48))
        rolled(shop)
        assert found(shop, f"select {LIFT} from kpi.campaign_lift") == [  # noqa: S608
            ("helps", 100, 90, 100, 10, Decimal("0.800000"))
        ]

    def test_a_renamed_campaign_carries_its_epochs_on(self, shop: Engine) -> None:
        """Epochs, units, counts and results go on under the present name, and so does the next roll-up. The new name
        had planned and was rolled up before, without a series."""
        with shop.begin() as connection:
            people(connection, "a", 90, 100)
            people(connection, "b", 10, 100, is_holdout=True)
            builders.campaign(connection, "nudge")
            builders.epoch(connection, "nudge")
        roll_up(shop, reporting_zone="UTC", now=LATER)
        assert found(shop, "select campaign from kpi.experiment order by 1") == [("cart_abandoned",), ("nudge",)]
        with shop.begin() as connection:
            run(connection, "journeys/forget_unused", campaign="nudge")
            for table in ("journey.campaign", "journey.epoch", "journey.enrollment", "decision.decision"):
                connection.execute(sa.text(f"update {table} set campaign = 'nudge'"))  # noqa: S608
            rename_campaign(connection, "cart_abandoned", "nudge")
            people(connection, "c", 0, 50, campaign="nudge")
            people(connection, "d", 0, 50, campaign="nudge", is_holdout=True)
        rolled(shop)
        assert found(shop, f"select campaign, {LIFT} from kpi.campaign_lift") == [  # noqa: S608
            ("nudge", "helps", 150, 90, 150, 10, Decimal("0.533333"))
        ]


    def test_of_steps_decided_at_one_moment_the_first_number_counts(self, shop: Engine) -> None:
        """A late run may decide two steps of a series. No mail was possible for the first one."""
        with shop.begin() as connection:
            series_of_ann = series(connection, "ann", "skip", "branch_not_taken", step="z")
            decide(connection, series_of_ann, "ann", "send", "eligible", step="a")
        rolled(shop)
        assert found(shop, "select is_eligible from kpi.arm_unit") == [(False,)]


class TestVariants:
    """Variants of a step are compared among the people who were to get it."""

    @pytest.fixture
    def tested(self, warehouse: Engine) -> Engine:
        """A campaign with two variants of its reminder, half each, and a tenth held out."""
        with warehouse.begin() as connection:
            builders.campaign(connection, goal_target_ratio=None)
            builders.epoch(connection, holdout_ratio=0.1, variants={"reminder": {"one": 0.5, "other": 0.5}})
        return warehouse

    RESULT = (
        "select variant, units, converters, other_units, other_converters, difference, verdict"
        " from kpi.variant_result order by 1"
    )

    def test_each_variant_stands_against_the_others(self, tested: Engine) -> None:
        """Held-out people are in no variant; each variant is compared with all others together."""
        with tested.begin() as connection:
            people(connection, "a", 60, 100, variant="one")
            people(connection, "b", 30, 100, variant="other")
            people(connection, "c", 5, 20, is_holdout=True)
        rolled(tested)
        assert found(tested, self.RESULT) == [
            ("one", 100, 60, 100, 30, Decimal("0.300000"), "helps"),
            ("other", 100, 30, 100, 60, Decimal("-0.300000"), "hurts"),
        ]
        assert found(tested, "select treated, treated_converters, held_out from kpi.campaign_lift") == [(200, 90, 20)]

    def test_more_arms_need_a_wider_interval(self, tested: Engine) -> None:
        """Of three variants each is judged at 2.5 %, so that a call among all of them is wrong in 5 % at the most."""
        shares = {"one": 0.4, "other": 0.3, "third": 0.3}
        with tested.begin() as connection:
            builders.epoch(connection, epoch=2, holdout_ratio=0, variants={"reminder": shares}, began_at=at(-24))
            for number, (arm, share) in enumerate(shares.items()):
                people(connection, f"{arm}-", 30 + number, round(share * 1_000), variant=arm, epoch=2)
        rolled(tested)
        query = "select variant, difference_low, difference_high from kpi.variant_result"
        bounds = {arm: (float(low), float(high)) for arm, low, high in found(tested, query)}
        for arm, *counts in (("one", 30, 400, 63, 600), ("other", 31, 300, 62, 700), ("third", 32, 300, 61, 700)):
            expected = confint_proportions_2indep(*counts, method="newcomb", compare="diff", alpha=0.025)
            assert bounds[arm] == pytest.approx(expected, abs=1e-6)

    def test_people_count_from_the_decision_of_the_step(self, tested: Engine) -> None:
        """An order before it says nothing of the variant, and the window begins with it. The first series in which the
        step was decided counts, not the first series."""
        with tested.begin() as connection:
            first = series(connection, "ann", "skip", "no_permission", step="early", enrolled_at=at(0))
            second = series(connection, "ann", enrolled_at=at(48), step="early")
            decide(connection, second, "ann", "send", "eligible", variant="one", at=at(72))
            order(connection, "o1", "ann", at(60))
            order(connection, "o2", "ann", at(72 + 120))
        rolled(tested)
        query = (
            "select kind, enrollment_id, is_eligible, enrolled_at, counted_from, window_ends_at, converted_at, orders"
            " from kpi.arm_unit order by 1"
        )
        assert found(tested, query) == [
            ("holdout", first, False, at(0), at(0), at(120), at(60), 1),
            ("variant", second, True, at(48), at(72), at(192), at(192), 1),
        ]

    def test_opens_and_clicks_are_those_of_the_step_s_mail(self, tested: Engine) -> None:
        """A variant may have the goal click: the mail of the step in its window, and no other. A click is an open."""
        with tested.begin() as connection:
            builders.epoch(
                connection, epoch=2, holdout_ratio=0, goal_event="click", began_at=at(-1),
                variants={"reminder": {"one": 0.5, "other": 0.5}},
            )  # fmt: skip
            batch = insert(connection, "event.batch", source_name="test")
            for who, step, clicked in (("ann", "reminder", 2), ("bob", "early", 2), ("cat", "reminder", 121)):
                enrollment = series(connection, who, variant="one", epoch=2)
                if step == "early":
                    decide(connection, enrollment, who, "send", "eligible", step=step)
                insert(
                    connection, "event.engagement", enrollment_id=enrollment, step=step, campaign="cart_abandoned",
                    message_id=builders.message_id_of(connection, enrollment, step), customer_id=who, batch_id=batch,
                    first_event_at=at(1), first_click_at=at(clicked), last_click_at=at(clicked),
                )  # fmt: skip
        rolled(tested)
        query = "select customer_id, converted_at from kpi.arm_unit where converted_at is not null"
        assert found(tested, query) == [("ann", at(2))]
        with tested.begin() as connection:
            connection.execute(sa.text("update journey.epoch set goal_event = 'open' where epoch = 2"))
            connection.execute(sa.text("update event.engagement set first_open_at = :at"), {"at": at(3)})
        roll_up(tested, reporting_zone="UTC", now=LATER, full=True)
        assert sorted(found(tested, query)) == [("ann", at(2)), ("cat", at(3))]

    def test_a_step_dealt_by_other_shares_than_its_series_is_of_neither_epoch(self, tested: Engine) -> None:
        """The shares changed while ann's series ran. Her step was dealt by the new ones, so she is in no variant."""
        with tested.begin() as connection:
            ann = series(connection, "ann", step="early")
            builders.epoch(
                connection, epoch=2, holdout_ratio=0.1, variants={"reminder": {"one": 0.9, "other": 0.1}},
                began_at=at(24),
            )  # fmt: skip
            decide(connection, ann, "ann", "send", "eligible", variant="one", at=at(48))
            series(connection, "bob", variant="one", epoch=2, enrolled_at=at(48))
        rolled(tested)
        query = "select epoch, kind, customer_id from kpi.arm_unit order by 1, 2"
        assert found(tested, query) == [(1, "holdout", "ann"), (2, "holdout", "bob"), (2, "variant", "bob")]

    @pytest.mark.parametrize("hours", [3, 12])
    def test_a_period_planned_again_after_a_change_takes_nothing_from_before(
        self, warehouse: Engine, hours: float
    ) -> None:
        """The shares change after the twelfth hour was planned. Then an earlier hour, or the same one, is planned with
        the new shares. People who were dealt by the old ones stay compared by them."""
        changes = [({"one": 0.5, "other": 0.5}, 12), ({"one": 0.9, "other": 0.1}, hours)]
        for number, (shares, as_of) in enumerate(changes):
            step = {"step": "reminder", "after_hours": 0, "template": "cart_abandoned/reminder", "variants": shares}
            campaign = campaign_of(steps=[step])
            members(warehouse, *(f"p{number}-{one}" for one in range(3)))
            plan(warehouse, campaign, topic_of(), at(as_of))
            with warehouse.begin() as connection:
                record_planning(connection, campaign.campaign, at(as_of), at(13))
            rolled(warehouse, at(14))
        query = "select left(customer_id, 2), epoch, count(*) from kpi.arm_unit where kind = 'variant' group by 1, 2"
        assert ("p0", 1, 3) in found(warehouse, query)


class TestVerdicts:
    """A verdict stands before a number."""

    @pytest.mark.parametrize(("target", "verdict"), [(0.15, "too_few"), (0.3, "helps"), (None, "helps")])
    def test_too_few_people_for_the_target(self, shop: Engine, target: float | None, verdict: str) -> None:
        """70 and 80 people show a difference of 0.21 in 80 % of tests: too few for a target of 0.15, whatever they did,
        enough for one of 0.3."""
        with shop.begin() as connection:
            connection.execute(sa.text("update journey.campaign set goal_target_ratio = :target"), {"target": target})
            people(connection, "a", 56, 70)
            people(connection, "b", 48, 80, is_holdout=True)
        rolled(shop)
        ((said, detectable, eligible, needed),) = found(
            shop, "select verdict, round(minimum_detectable, 2), eligible_units, needed_units from kpi.campaign_lift"
        )
        assert (said, detectable, eligible) == (verdict, Decimal("0.21"), 150)
        # By hand: p = 106/154, (2.8016 / 0.15)² p (1 - p) = 74.84 of weight are needed, 70 * 80 / 150 = 37.33
        # are there, and each person adds 0.25: 150.03 more.
        assert needed == {0.15: 301, 0.3: 150, None: None}[target]

    def test_an_arm_without_people_makes_no_call(self, shop: Engine) -> None:
        """Before the first window is over there is a row, with counts and no number."""
        with shop.begin() as connection:
            people(connection, "a", 5, 10)
        rolled(shop)
        query = "select verdict, treated, held_out, held_out_rate, lift, minimum_detectable from kpi.campaign_lift"
        assert found(shop, query) == [("too_few", 10, 0, None, None, None)]


def test_units_outlive_their_decisions(shop: Engine) -> None:
    """Retention drops the month of the first decisions. A full roll-up keeps who was eligible, and judges orders."""
    with shop.begin() as connection:
        people(connection, "a", 30, 100)
        people(connection, "b", 10, 100, is_holdout=True)
        late = series(connection, "ann", "defer", "quiet_hours", enrolled_at=NOON)
        decide(connection, late, "ann", "skip", "suppressed", at=at(24 * 40))
    roll_up(shop, reporting_zone="UTC", now=LATER)
    with shop.begin() as connection:
        steps = "select count(*) from kpi.step_outcome where decided_at < '2026-04-01'"
        ((count,),) = rows(connection, steps)
        insert(
            connection, "installation.retired_month",
            parent="decision.decision", month="2026-03-01", dropped_at=LATER, steps=count,
        )  # fmt: skip
        connection.execute(sa.text("delete from decision.decision where decided_at < '2026-04-01'"))
        order(connection, "o1", "a99", at(3))
    rolled(shop)
    query = "select treated, treated_converters, held_out, held_out_converters from kpi.campaign_lift"
    assert found(shop, query) == [(101, 31, 100, 10)]
    assert found(shop, "select decided_at, is_eligible from kpi.arm_unit where customer_id = 'ann'") == [(NOON, True)]


def test_series_of_before_the_units_count_by_what_is_left(shop: Engine) -> None:
    """If retention dropped decisions before there were units, the final decisions of kpi.step_outcome stand in."""
    with shop.begin() as connection:
        people(connection, "a", 30, 100)
        people(connection, "b", 10, 100, is_holdout=True)
    roll_up(shop, reporting_zone="UTC", now=LATER)
    with shop.begin() as connection:
        insert(
            connection, "installation.retired_month",
            parent="decision.decision", month="2026-03-01", dropped_at=LATER, steps=200,
        )  # fmt: skip
        connection.execute(sa.text("delete from decision.decision"))
        connection.execute(sa.text("delete from kpi.arm_unit"))
        connection.execute(sa.text("delete from kpi.arm_count"))
        connection.execute(sa.text("delete from kpi.progress where name = 'reporting_zone'"))
    assert roll_up(shop, reporting_zone="UTC", now=LATER).full == 1
    assert found(shop, f"select {LIFT} from kpi.campaign_lift") == [  # noqa: S608
        ("helps", 100, 30, 100, 10, Decimal("0.200000"))
    ]


# What views of schema kpi may read besides counts: one row per campaign, for its goal and its target.
SMALL = {"journey.campaign"}
VIEWS_AND_TABLES = """
with recursive reads as (
    select distinct rule.ev_class as view, found.refobjid as read
    from pg_rewrite as rule
    inner join pg_depend as found on found.objid = rule.oid and found.classid = cast('pg_rewrite' as regclass)
        and found.refclassid = cast('pg_class' as regclass) and found.refobjid <> rule.ev_class
),
reached as (
    select reads.view, reads.read from reads
    inner join pg_class on pg_class.oid = reads.view and pg_class.relnamespace = cast('kpi' as regnamespace)
    union
    select reached.view, reads.read from reached inner join reads on reached.read = reads.view
)
select cast(cast(reached.view as regclass) as text), cast(cast(reached.read as regclass) as text)
from reached
inner join pg_class on pg_class.oid = reached.read and pg_class.relkind in ('r', 'p')
"""


def test_no_view_of_kpi_reads_the_history(warehouse: Engine) -> None:
    """Every view, through views that it reads, reaches counts and the list of campaigns: never enrollments, decisions,
    mails or events, nor a table of kpi with a row per mail, order or person. No function in a view reads them either.
    """
    reached = found(warehouse, VIEWS_AND_TABLES)
    assert {view for view, _ in reached} == {
        f"kpi.{view}" for (view,) in found(warehouse, "select viewname from pg_views where schemaname = 'kpi'")
    }
    of_one = (
        "select table_schema || '.' || table_name from information_schema.columns where table_schema = 'kpi'"
        " and column_name in ('customer_id', 'enrollment_id', 'order_id')"
    )
    per_mail_or_person = {table for (table,) in found(warehouse, of_one)}
    assert per_mail_or_person >= {"kpi.step_outcome", "kpi.order_credit", "kpi.arm_unit", "kpi.list_movement"}
    assert {
        (view, table)
        for view, table in reached
        if table in per_mail_or_person or (not table.startswith("kpi.") and table not in SMALL)
    } == set()
    called = """
    select distinct cast(pg_proc.oid as regprocedure) from pg_rewrite
    inner join pg_class on pg_rewrite.ev_class = pg_class.oid and pg_class.relnamespace = cast('kpi' as regnamespace)
    inner join pg_depend on pg_depend.objid = pg_rewrite.oid and pg_depend.refclassid = cast('pg_proc' as regclass)
    inner join pg_proc on pg_depend.refobjid = pg_proc.oid
    where pg_proc.provolatile <> 'i'
    """
    assert found(warehouse, called) == []


@pytest.mark.parametrize("view", ["campaign_lift", "variant_result", "campaign_goal"])
def test_results_are_read_from_a_few_rows(shop: Engine, view: str) -> None:
    """With 4,000 people rolled up, reading results touches no table of people: the plan names small tables alone."""
    with shop.begin() as connection:
        people(connection, "a", 500, 2_000)
        people(connection, "b", 400, 2_000, is_holdout=True)
    roll_up(shop, reporting_zone="UTC", now=LATER)
    with shop.begin() as connection:
        connection.exec_driver_sql("analyze")
        ((plan_of,),) = rows(connection, f"explain (format json) select * from kpi.{view}")  # noqa: S608
    read: set[str] = set()
    waiting = [plan_of[0]["Plan"]]
    while waiting:
        node = waiting.pop()
        read.update({node["Relation Name"]} if "Relation Name" in node else ())
        waiting += node.get("Plans", [])
    assert read <= {"experiment_result", "series_daily", "progress", "campaign"}


def test_ended_windows_and_new_people_are_not_compared_one_by_one(
    shop: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows of 2,000 people end while 2,000 others begin. Each is looked up: no list of people is read once per
    person, which took an hour for 60,000 of both."""
    plans: list[Any] = []
    ran = experiments.run

    def look(connection: Connection, name: str, **given: Any) -> Any:
        if name == "kpis/create_unit_delta":
            query = sa.text(f"explain (format json) {statement(name).text}")
            plans.append(connection.execute(query, given).scalar_one()[0]["Plan"])
        return ran(connection, name, **given)

    for prefix, now in (("a", at(24)), ("b", LATER)):
        with shop.begin() as connection:
            people(connection, prefix, 0, 2_000)
        monkeypatch.setattr(experiments, "run", look)
        roll_up(shop, reporting_zone="UTC", now=now)
    assert repeated_scans(plans[1]) == []  # the first one has no stored people


def repeated_scans(node: dict[str, Any], is_repeated: bool = False) -> list[str]:
    """Tables of people that a plan reads from begin to end once per row of another table."""
    found = [node["Relation Name"]] if is_repeated and node["Node Type"] == "Seq Scan" else []
    for child in node.get("Plans", []):
        inner = node["Node Type"] == "Nested Loop" and child["Parent Relationship"] == "Inner"
        found += repeated_scans(child, is_repeated or inner)
    return [name for name in found if name in ("kpi_unit", "arm_unit")]
