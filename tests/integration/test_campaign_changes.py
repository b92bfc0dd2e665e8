"""Campaign files that change while people are in their series: what each change does, and what names it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.engine import Engine

from builders import NOON, customer, insert, load, order, rows
from lifecycle_mail import delivery
from lifecycle_mail.decisions import decide
from lifecycle_mail.journeys import advance, enroll, publish
from lifecycle_mail.kpis import roll_up
from lifecycle_mail.messages import write_messages
from lifecycle_mail.settings import Settings
from planning import BRAND, LIBRARY, TOPICS, campaign_of, decided, member, members, plan, states, topic_of

HOUR = timedelta(hours=1)
Steps = dict[str, float]


def steps_of(hours: Steps, **more: Any) -> list[dict[str, Any]]:
    """Steps by name and hours, all with the same template."""
    return [
        {"step": step, "after_hours": at, "template": "cart_abandoned/reminder", **more} for step, at in hours.items()
    ]


def run_at(engine: Engine, hours: float, steps: Steps, **changes: Any) -> None:
    """Plan `hours` after noon with these steps; what was planned goes out."""
    plan(engine, campaign_of(steps=steps_of(steps), **changes), topic_of(), NOON + hours * HOUR)
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "update message.message set state = 'accepted', accepted_at = not_before where state = 'planned'"
        )


def outcomes(engine: Engine) -> dict[tuple[str, str], str]:
    """(customer, step) → the reason of its newest decision."""
    return {(who, step): reason for who, step, _, reason in decided(engine)}


def of(engine: Engine, who: str = "ann") -> dict[str, str]:
    return {step: reason for (name, step), reason in outcomes(engine).items() if name == who}


def ends(engine: Engine) -> dict[str, str | None]:
    with engine.connect() as connection:
        return dict(rows(connection, "select customer_id, end_reason from journey.enrollment"))


def due_hours(engine: Engine) -> dict[str, float]:
    with engine.connect() as connection:
        return {
            step: (at - NOON) / HOUR for step, at in rows(connection, "select step, due_at from journey.step_due")
        }


A_B_C = {"a": 0, "b": 23, "c": 47}


def test_a_later_step_is_decided_though_an_earlier_one_is_taken_out(warehouse: Engine) -> None:
    """The first step went and is taken out of the file: the third comes at its hour, as ever."""
    members(warehouse, "ann")
    run_at(warehouse, 0, A_B_C)
    for hours in (1, 23, 47):
        run_at(warehouse, hours, {"b": 23, "c": 47})
    assert of(warehouse) == {"a": "eligible", "b": "eligible", "c": "eligible"}
    run_at(warehouse, 48, {"b": 23, "c": 47})
    assert ends(warehouse) == {"ann": "completed"}


def test_a_step_taken_out_before_its_hour_is_named_when_the_series_is_through(warehouse: Engine) -> None:
    """The awaited step is taken out: the next one comes as ever, and the one that never came has a reason."""
    members(warehouse, "ann")
    run_at(warehouse, 0, A_B_C)
    run_at(warehouse, 30 - 10, {"a": 0, "c": 47})
    assert of(warehouse) == {"a": "eligible"}
    run_at(warehouse, 47, {"a": 0, "c": 47})
    assert of(warehouse) == {"a": "eligible", "b": "step_gone", "c": "eligible"}
    run_at(warehouse, 48, {"a": 0, "c": 47})
    assert ends(warehouse) == {"ann": "completed"}


def test_the_last_step_taken_out_ends_the_series_with_a_reason(warehouse: Engine) -> None:
    """Nothing is left to wait for: what was awaited is `step_gone`, and the series is through."""
    members(warehouse, "ann")
    run_at(warehouse, 0, A_B_C)
    run_at(warehouse, 1, {"a": 0})
    assert of(warehouse) == {"a": "eligible", "b": "step_gone", "c": "step_gone"}
    run_at(warehouse, 2, {"a": 0})
    assert ends(warehouse) == {"ann": "completed"}


def test_a_step_that_is_put_back_in_time_is_decided_as_ever(warehouse: Engine) -> None:
    """Taken out by mistake for an hour: no series loses it, as long as its moment is ahead."""
    members(warehouse, "ann")
    run_at(warehouse, 0, A_B_C)
    run_at(warehouse, 1, {"a": 0, "c": 47})
    for hours in (2, 23, 47):
        run_at(warehouse, hours, A_B_C)
    assert of(warehouse) == dict.fromkeys("abc", "eligible")


def test_new_hours_hold_for_what_is_ahead(warehouse: Engine) -> None:
    """b moves from 23 to 30 hours, c from 47 to 35: a running series follows, and what went keeps its hour."""
    members(warehouse, "ann")
    run_at(warehouse, 0, A_B_C)
    moved = {"a": 0, "b": 30, "c": 35}
    run_at(warehouse, 20, moved)
    run_at(warehouse, 23, moved)
    assert of(warehouse) == {"a": "eligible"}
    run_at(warehouse, 30, moved)
    run_at(warehouse, 35, moved)
    assert of(warehouse) == dict.fromkeys("abc", "eligible")
    assert due_hours(warehouse) == {"a": 0, "b": 30, "c": 35}


def test_a_step_moved_behind_a_series_is_added_later(warehouse: Engine) -> None:
    """c moves from 47 hours to 5, and ann is 20 hours in: no stale mail, no mail at all, and a name for it."""
    members(warehouse, "ann")
    run_at(warehouse, 0, A_B_C)
    run_at(warehouse, 20, A_B_C)
    moved = {"a": 0, "c": 5, "b": 23}
    run_at(warehouse, 21, moved)
    assert of(warehouse) == {"a": "eligible", "c": "added_later"}
    run_at(warehouse, 23, moved)
    assert of(warehouse) == {"a": "eligible", "b": "eligible", "c": "added_later"}


def test_a_step_put_in_between_is_for_those_who_have_not_passed_it(warehouse: Engine) -> None:
    """ann is past hour 5, bob and cleo are not: hers is `added_later`, theirs are due at their hours.

    cleo's moment lies between the last run with the old file and the first with the new one: it was still ahead."""
    with warehouse.begin() as connection:
        for name, hours in (("ann", 0), ("bob", 12), ("cleo", 15)):
            customer(connection, name)
            member(connection, name, f"cart-{name}", NOON + hours * HOUR)
    for hours in (0, 12, 15, 19):
        run_at(warehouse, hours, A_B_C)
    four = {"a": 0, "new": 5, "b": 23, "c": 47}
    for hours in (20, 23, 38, 47, 62):
        run_at(warehouse, hours, four, max_lateness_hours=6)
    found = {key: why for key, why in outcomes(warehouse).items() if key[1] == "new"}
    assert found == {("ann", "new"): "added_later", ("bob", "new"): "added_later", ("cleo", "new"): "eligible"}


def test_new_hours_that_change_the_order_send_nothing_twice(warehouse: Engine) -> None:
    """b went at 23 and stands last by now: it is not awaited again, and the series ends when c has gone."""
    members(warehouse, "ann")
    run_at(warehouse, 0, A_B_C)
    run_at(warehouse, 23, A_B_C)
    turned = {"a": 0, "c": 47, "b": 90}
    for hours in (24, 47, 48):
        run_at(warehouse, hours, turned)
    assert of(warehouse) == dict.fromkeys("abc", "eligible")
    assert ends(warehouse) == {"ann": "completed"}


def test_a_step_added_to_a_series_that_waits_for_its_end_is_awaited(warehouse: Engine) -> None:
    """All steps went and the series was not ended yet: a step added at its end is sent like any other."""
    members(warehouse, "ann")
    run_at(warehouse, 0, {"a": 0})
    for hours in (1, 10):
        run_at(warehouse, hours, {"a": 0, "z": 10})
    assert of(warehouse) == {"a": "eligible", "z": "eligible"}


def test_a_series_that_ended_says_why_also_for_steps_that_changed(warehouse: Engine) -> None:
    """An order, and in the same hour another file: what is left, added or taken out is decided `converted`."""
    members(warehouse, "ann")
    run_at(warehouse, 0, A_B_C)
    with warehouse.begin() as connection:
        order(connection, "o1", "ann", NOON + HOUR)
    run_at(warehouse, 2, {"a": 0, "new": 1, "c": 50})
    assert of(warehouse) == {"a": "eligible", "b": "converted", "c": "converted", "new": "converted"}


def test_a_held_out_series_has_the_same_words(warehouse: Engine) -> None:
    """A step that came too late, or went, is out for held-out people as well: neither arm is said to have had it."""
    members(warehouse, "ann")
    run_at(warehouse, 0, A_B_C, holdout=1.0)
    run_at(warehouse, 9, A_B_C, holdout=1.0)
    for hours in (10, 47):
        run_at(warehouse, hours, {"a": 0, "new": 5, "c": 47}, holdout=1.0)
    assert of(warehouse) == {"a": "held_out", "new": "added_later", "b": "step_gone", "c": "held_out"}


def test_a_step_that_went_between_noticing_and_deciding_is_named(warehouse: Engine) -> None:
    """Noticed and not decided, then taken out: the decision says `step_gone` instead of sending it."""
    members(warehouse, "ann")
    before, after = campaign_of(steps=steps_of({"a": 0, "b": 0})), campaign_of(steps=steps_of({"b": 0}))
    publish(warehouse, before, topic_of())
    enroll(warehouse, before, NOON)
    plan(warehouse, after, topic_of())
    assert decided(warehouse) == {("ann", "a", "skip", "step_gone"), ("ann", "b", "send", "eligible")}


def refused(engine: Engine) -> set[tuple[Any, ...]]:
    roll_up(engine, reporting_zone="UTC", now=NOON + 100 * HOUR)
    with engine.connect() as connection:
        return set(rows(connection, "select step, variant, reason, by_decision, by_message from kpi.refused_daily"))


@pytest.mark.parametrize("died_first", [False, True])
def test_a_step_renamed_between_deciding_and_writing_is_cancelled(warehouse: Engine, died_first: bool) -> None:
    """Its mails are cancelled as `step_gone`, `refused_daily` counts them, and the series ends when it is through."""
    members(warehouse, "ann", "bob")
    before, after = campaign_of(steps=steps_of({"a": 0})), campaign_of(steps=steps_of({"b": 0}))
    publish(warehouse, before, topic_of())
    enroll(warehouse, before, NOON)
    advance(warehouse, before, NOON)
    decide(warehouse, before, topic_of(), NOON, NOON)
    if not died_first:
        write_messages(warehouse, after, topic_of(), LIBRARY, BRAND, NOON)
    plan(warehouse, after, topic_of(), NOON + HOUR)
    assert states(warehouse) == {(who, "a", "cancelled", "step_gone") for who in ("ann", "bob")}
    assert refused(warehouse) == {
        ("a", "default", "step_gone", 0, 2), ("b", "default", "added_later", 2, 0),
    }  # fmt: skip
    plan(warehouse, after, topic_of(), NOON + 2 * HOUR)
    assert ends(warehouse) == {"ann": "completed", "bob": "completed"}


def test_a_variant_that_went_between_deciding_and_writing_is_cancelled(warehouse: Engine) -> None:
    """A mail of an arm that the step has no more is not written in another one: `variant_gone`."""
    members(warehouse, "ann")
    arms = {"short": 1.0}
    before = campaign_of(steps=steps_of({"a": 0}, variants=arms))
    after = campaign_of(steps=steps_of({"a": 0}, variants={"long": 1.0}))
    publish(warehouse, before, topic_of())
    enroll(warehouse, before, NOON)
    advance(warehouse, before, NOON)
    decide(warehouse, before, topic_of(), NOON, NOON)
    write_messages(warehouse, after, topic_of(), LIBRARY, BRAND, NOON)
    assert states(warehouse) == {("ann", "a", "cancelled", "variant_gone")}
    assert refused(warehouse) == {("a", "short", "variant_gone", 0, 1)}


def test_series_from_before_the_upgrade_await_what_was_not_noted(warehouse: Engine) -> None:
    """After the migration no series knows its step by name: the first run finds it, whatever the position was."""
    members(warehouse, "ann")
    run_at(warehouse, 0, A_B_C)
    with warehouse.begin() as connection:
        connection.exec_driver_sql("truncate journey.step, journey.progress")
        connection.exec_driver_sql("update journey.upcoming set step = null")
    for hours in (1, 23, 47):
        run_at(warehouse, hours, A_B_C)
    assert of(warehouse) == dict.fromkeys("abc", "eligible")


NAMES = tuple(f"c{number}" for number in range(40))


def found(engine: Engine, query: str) -> dict[Any, Any]:
    with engine.connect() as connection:
        return dict(rows(connection, query))


def test_new_shares_deal_what_comes_due_and_leave_what_was_dealt(warehouse: Engine) -> None:
    """Who has an arm of a step keeps it, whatever the shares are by then; steps to come are dealt by the new ones.

    A share that grows takes people in from its neighbour alone: no customer leaves it."""
    members(warehouse, *NAMES)
    even, mostly = {"one": 0.5, "other": 0.5}, {"one": 0.9, "other": 0.1}
    plan(warehouse, campaign_of(steps=steps_of({"a": 0, "b": 5}, variants=even)), topic_of())
    arms = "select customer_id, variant from journey.step_due where step = 'a'"
    dealt = found(warehouse, arms)
    plan(warehouse, campaign_of(steps=steps_of({"a": 0, "b": 5}, variants=mostly)), topic_of(), NOON + 5 * HOUR)
    assert found(warehouse, arms) == dealt
    share = "journey.ratio_of('variant/cart_abandoned/b/' || customer_id)"
    expected = f"select customer_id, case when {share} < 0.9 then 'one' else 'other' end from journey.enrollment"  # noqa: S608
    assert found(warehouse, arms.replace("'a'", "'b'")) == found(warehouse, expected)


def test_a_new_holdout_holds_for_series_that_begin_later(warehouse: Engine) -> None:
    """A customer who is in a series stays on the same side to its end."""
    members(warehouse, *NAMES)
    plan(warehouse, campaign_of(holdout=0.2), topic_of())
    query = "select customer_id, is_holdout from journey.enrollment"
    before = found(warehouse, query)
    with warehouse.begin() as connection:
        for name in ("new1", "new2"):
            customer(connection, name)
            member(connection, name, f"cart-{name}")
    plan(warehouse, campaign_of(holdout=1.0), topic_of(), NOON + HOUR)
    assert found(warehouse, query) == before | {"new1": True, "new2": True}


def test_a_new_exit_word_ends_series_by_facts_since_their_beginning(warehouse: Engine) -> None:
    """The cart was emptied before the file knew the word: the next run ends the series. A lost word ends none."""
    members(warehouse, "ann", "bob")
    run_at(warehouse, 0, A_B_C, exit_on=["order"])
    with warehouse.begin() as connection:
        insert(
            connection, "source.cart", cart_id="cart-ann", customer_id="ann", created_at=NOON, status="emptied",
            updated_at=NOON + HOUR, load_id=load(connection),
        )  # fmt: skip
    run_at(warehouse, 2, A_B_C, exit_on=["order"])
    assert ends(warehouse) == {"ann": None, "bob": None}
    run_at(warehouse, 3, A_B_C, exit_on=["order", "cart_emptied"])
    assert ends(warehouse) == {"ann": "cart_emptied", "bob": None}
    with warehouse.begin() as connection:
        order(connection, "o", "bob", NOON + 4 * HOUR)
    run_at(warehouse, 5, A_B_C, exit_on=["unsubscribed"])
    assert ends(warehouse) == {"ann": "cart_emptied", "bob": None}


def test_a_new_goal_counts_all_mails_again(warehouse: Engine) -> None:
    """The window grows from one day to five: a mail that was no conversion yesterday is one, from the first day on."""
    members(warehouse, "ann")
    run_at(warehouse, 0, {"a": 0, "z": 400}, exit_on=[], goal={"event": "order", "within_days": 1})
    with warehouse.begin() as connection:
        order(connection, "o", "ann", NOON + 48 * HOUR)
    query = "select step, accepted_converters from kpi.campaign_summary where step is not null and variant is null"
    roll_up(warehouse, reporting_zone="UTC", now=NOON + 72 * HOUR)
    assert found(warehouse, query) == {"a": 0}
    run_at(warehouse, 73, {"a": 0, "z": 400}, exit_on=[], goal={"event": "order", "within_days": 5})
    roll_up(warehouse, reporting_zone="UTC", now=NOON + 74 * HOUR)
    assert found(warehouse, query) == {"a": 1}


def test_a_new_attribution_credits_all_orders_again(warehouse: Engine) -> None:
    """The file says by which touch mails take credit: from the next roll-up on it holds for every order, and the goal
    stays as it is."""
    members(warehouse, "ann")
    goal = {"event": "order", "within_days": 1}
    run_at(warehouse, 0, {"a": 0, "z": 400}, exit_on=[], goal=goal)
    with warehouse.begin() as connection:
        order(connection, "o", "ann", NOON + 48 * HOUR)
    query = "select model, revenue from kpi.order_credit"
    roll_up(warehouse, reporting_zone="UTC", now=NOON + 72 * HOUR)
    assert found(warehouse, query) == {}
    run_at(warehouse, 73, {"a": 0, "z": 400}, exit_on=[], goal=goal, attribution={"days": 5})
    roll_up(warehouse, reporting_zone="UTC", now=NOON + 74 * HOUR)
    assert list(found(warehouse, query)) == ["sent"]
    run_at(warehouse, 75, {"a": 0, "z": 400}, exit_on=[], goal=goal, attribution={"touch": "click", "days": 5})
    roll_up(warehouse, reporting_zone="UTC", now=NOON + 76 * HOUR)
    assert found(warehouse, query) == {}
    assert found(warehouse, "select step, sum(converters) from kpi.campaign_daily group by 1") == {"a": 0}


def test_a_new_topic_is_that_of_mails_written_from_then_on(warehouse: Engine) -> None:
    """A planned mail keeps its topic, with its sender and its opt-outs; the next step has the new one."""
    members(warehouse, "ann")
    plan(warehouse, campaign_of(steps=steps_of({"a": 0, "b": 5})), topic_of())
    moved = campaign_of(steps=steps_of({"a": 0, "b": 5}), topic="offers")
    plan(warehouse, moved, topic_of(topic="offers"), NOON + 5 * HOUR)
    query = "select message.step, shell.topic from message.message join message.shell using (shell_id)"
    assert found(warehouse, query) == {"a": "reminders", "b": "offers"}


def test_a_new_window_holds_for_planned_mails_and_lateness_for_later_ones(warehouse: Engine) -> None:
    """Outside live a planned mail waits for the window of today's file. It expires when it would have before."""
    members(warehouse, "ann")
    campaign = campaign_of(steps=steps_of({"a": 0, "b": 1}), max_lateness_hours=48)
    plan(warehouse, campaign, topic_of())
    window = {"from": "14:00", "to": "15:00"}
    changed = campaign_of(steps=steps_of({"a": 0, "b": 1}), max_lateness_hours=20, send_window=window, priority=7)
    plan(warehouse, changed, topic_of(), NOON + HOUR)
    lines = delivery.preview(warehouse, Settings(database_url="postgresql://unused"), TOPICS, now=NOON + HOUR)
    assert [(one.step, one.would_go, one.postponed) for one in lines if one.step == "a"] == [("a", 0, 1)]
    query = "select step, expires_at - (case step when 'a' then cast(:noon as timestamptz) end) from message.message"
    with warehouse.connect() as connection:
        until = dict(rows(connection, query, noon=NOON))
    assert until["a"] == 48 * HOUR
    assert found(warehouse, "select campaign, priority from journey.campaign") == {"cart_abandoned": 7}
