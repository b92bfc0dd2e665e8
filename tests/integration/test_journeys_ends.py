"""What follows the end of a series: mails and alerts, decided under every rule but the end itself."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.engine import Connection, Engine

from builders import NOON, insert, load, order, rows
from lifecycle_mail.campaigns import Campaign
from lifecycle_mail.database import run, run_with
from lifecycle_mail.decisions import answers, send_hours
from lifecycle_mail.delivery.picking import pick_files
from planning import campaign_of, member, members, plan, topic_of

HOUR = timedelta(hours=1)
FIRST = {"step": "reminder", "after_hours": 0, "template": "cart_abandoned/reminder"}
DOUBTS = {"step": "doubts", "after_hours": 23, "template": "cart_abandoned/doubts"}
THANKS = {"step": "thanks", "after_hours": 1, "template": "cart_abandoned/doubts"}


def campaign_with(on_end: dict[str, Any], **changes: Any) -> Campaign:
    return campaign_of(**{"steps": [FIRST, DOUBTS], "on_end": on_end, **changes})


def ledger(engine: Engine) -> set[tuple[Any, ...]]:
    """(customer, step, hours after noon at which it was due, outcome, reason) of every decision."""
    with engine.connect() as connection:
        found = rows(connection, "select customer_id, step, due_at, outcome, reason from decision.decision")
    return {(who, step, (due - NOON) / HOUR, outcome, reason) for who, step, due, outcome, reason in found}


def alerts(engine: Engine) -> set[tuple[Any, ...]]:
    with engine.connect() as connection:
        found = rows(connection, "select customer_id, step, word, about, raised_at from journey.alert")
    return {(who, step, word, tuple(about.items()), (at - NOON) / HOUR) for who, step, word, about, at in found}


def accept(engine: Engine, at: datetime) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "update message.message set state = 'accepted', accepted_at = %s where state = 'planned'", (at,)
        )


def left(connection: Connection, name: str) -> None:
    """The customer's mailbox takes no mail any more."""
    insert(
        connection, "event.suppression", address=f"{name}@example.com", scope="all", reason="hard_bounce",
        source="event", suppressed_at=NOON + 2.6 * HOUR,
    )  # fmt: skip


def walk(engine: Engine, campaign: Campaign, *hours: float) -> None:
    for hour in hours:
        plan(engine, campaign, topic_of(), NOON + hour * HOUR)
        accept(engine, NOON + hour * HOUR)


def bought(engine: Engine, name: str, hour: float) -> None:
    with engine.begin() as connection:
        order(connection, f"o-{name}-{hour}", name, NOON + hour * HOUR)


def test_a_converted_series_is_thanked_once(warehouse: Engine) -> None:
    """The mail comes so many hours after the end, is written, and comes once, also if the exit happens again and a run
    is repeated. The steps left are decided as ever."""
    campaign = campaign_with({"converted": [THANKS]})
    members(warehouse, "ann", "bob")
    walk(warehouse, campaign, 0)
    bought(warehouse, "ann", 2)
    walk(warehouse, campaign, 3, 3)
    bought(warehouse, "ann", 4)
    walk(warehouse, campaign, 4, 5, 23, 24)
    assert ledger(warehouse) == {
        ("ann", "reminder", 0, "send", "eligible"),
        ("ann", "doubts", 23, "skip", "converted"),
        ("ann", "thanks", 3, "send", "eligible"),
        ("bob", "reminder", 0, "send", "eligible"),
        ("bob", "doubts", 23, "send", "eligible"),
    }
    with warehouse.connect() as connection:
        mails = rows(connection, "select customer_id, step, state from message.message")
    assert {(who, step) for who, step, state in mails if state == "accepted"} == {
        ("ann", "reminder"), ("ann", "thanks"), ("bob", "reminder"), ("bob", "doubts"),
    }  # fmt: skip


def test_each_end_has_its_own_steps(warehouse: Engine) -> None:
    """completed, an exit word and any: every series gets the steps of its own end and no others."""
    campaign = campaign_with(
        {
            "completed": [{**THANKS, "step": "bye", "after_hours": 2}],
            "cart_emptied": [{**THANKS, "step": "why", "after_hours": 3}],
            "converted": [THANKS],
            "any": [{**THANKS, "step": "always", "after_hours": 4}],
        }
    )
    members(warehouse, "ann", "bob", "cid")
    with warehouse.begin() as connection:
        for name in ("ann", "bob", "cid"):
            insert(
                connection, "source.cart", cart_id=f"cart-{name}", customer_id=name, currency="EUR",
                load_id=load(connection),
                status="emptied" if name == "cid" else "open", created_at=NOON - 9 * HOUR,
                updated_at=NOON + 2 * HOUR if name == "cid" else NOON - HOUR,
            )  # fmt: skip
    walk(warehouse, campaign, 0)
    bought(warehouse, "ann", 2)
    walk(warehouse, campaign, *range(1, 32))
    found = {row[:3] for row in ledger(warehouse) if row[4] == "eligible" and row[1] not in ("reminder", "doubts")}
    assert found == {
        ("ann", "thanks", 3), ("ann", "always", 6),
        ("bob", "bye", 26), ("bob", "always", 28),
        ("cid", "why", 5), ("cid", "always", 6),
    }  # fmt: skip


def test_every_other_rule_holds_after_the_end(warehouse: Engine) -> None:
    """Held out, suppressed, without permission, a condition that does not hold: named as ever."""
    branches = [
        {**THANKS, "unless": {"sent": "doubts"}},
        {**THANKS, "step": "other", "when": {"sent": "doubts"}},
    ]
    campaign = campaign_with({"converted": branches})
    members(warehouse, "ann", "leo", "wim")
    walk(warehouse, campaign, 0)
    for name in ("ann", "leo", "wim"):
        bought(warehouse, name, 2)
    walk(warehouse, campaign, 2.5)
    with warehouse.begin() as connection:
        left(connection, "leo")
        connection.exec_driver_sql("update source.customer set permission = 'withdrawn' where customer_id = 'wim'")
    walk(warehouse, campaign, 3, 23)
    assert {(row[0], row[1], row[4]) for row in ledger(warehouse) if row[1] in ("thanks", "other")} == {
        ("ann", "thanks", "eligible"), ("leo", "thanks", "suppressed"), ("wim", "thanks", "no_permission"),
        ("ann", "other", "branch_not_taken"), ("leo", "other", "suppressed"), ("wim", "other", "no_permission"),
    }  # fmt: skip


def test_the_held_out_get_nothing_after_the_end_either(warehouse: Engine) -> None:
    """Neither the mail nor the alert, so that the arms stay comparable."""
    campaign = campaign_with({"converted": [{**THANKS, "alert": "look"}]}, holdout=1.0)
    members(warehouse, "ann")
    walk(warehouse, campaign, 0)
    bought(warehouse, "ann", 2)
    walk(warehouse, campaign, 2, 3)
    assert {row for row in ledger(warehouse) if row[1] == "thanks"} == {("ann", "thanks", 3, "skip", "held_out")}
    assert alerts(warehouse) == set()


def test_an_alert_is_raised_once_with_or_without_a_mail(warehouse: Engine) -> None:
    """With a mail, alone, and also for a customer whom no mail may reach; not if a condition fails. An alert by
    itself waits for no window."""
    campaign = campaign_with(
        {
            "converted": [
                {**THANKS, "alert": "thank"},
                {"step": "call", "after_hours": 2, "alert": "call_them"},
                {"step": "never", "after_hours": 2, "alert": "never", "when": {"sent": "doubts"}},
            ]
        },
        send_window={"from": "20:00", "to": "21:00"},
        max_lateness_hours=1,
    )
    members(warehouse, "ann", "leo", timezone="UTC")
    walk(warehouse, campaign, 0)
    bought(warehouse, "ann", 2)
    bought(warehouse, "leo", 2)
    walk(warehouse, campaign, 2.5)
    with warehouse.begin() as connection:
        left(connection, "leo")
    walk(warehouse, campaign, 3, 4, 4, 5)
    ann, leo = (("cart_id", "cart-ann"),), (("cart_id", "cart-leo"),)
    assert alerts(warehouse) == {
        ("ann", "thanks", "thank", ann, 3), ("ann", "call", "call_them", ann, 4),
        ("leo", "thanks", "thank", leo, 3), ("leo", "call", "call_them", leo, 4),
    }  # fmt: skip
    assert {(row[0], row[4]) for row in ledger(warehouse) if row[1] == "call"} == {
        ("ann", "alert_raised"), ("leo", "suppressed"),
    }  # fmt: skip


def test_a_new_series_may_begin_while_a_mail_is_ahead(warehouse: Engine) -> None:
    """The end is the end: the next cart has its own series, and the thank-you of the first one still comes."""
    campaign = campaign_with({"converted": [{**THANKS, "after_hours": 48}]}, reenter_after_days=0)
    members(warehouse, "ann")
    walk(warehouse, campaign, 0)
    bought(warehouse, "ann", 1)
    walk(warehouse, campaign, 2)
    with warehouse.begin() as connection:
        member(connection, "ann", "cart-new", NOON + 3 * HOUR)
    walk(warehouse, campaign, 3, 26, 49)
    steps = sorted((step, due) for _, step, due, _, reason in ledger(warehouse) if reason == "eligible")
    assert steps == [("doubts", 26), ("reminder", 0), ("reminder", 3), ("thanks", 49)]


def test_the_claim_lets_a_mail_after_the_end_go(warehouse: Engine) -> None:
    """The exit that ended the series does not take the thank-you back, nor does a cart that changed since; a word
    against mail does. What was planned before the end does not go."""
    campaign = campaign_with({"converted": [THANKS]})
    members(warehouse, "ann", "leo", "bob")
    plan(warehouse, campaign, topic_of())
    bought(warehouse, "ann", 2)
    bought(warehouse, "leo", 2)
    for hours in (2, 3):
        plan(warehouse, campaign, topic_of(), NOON + hours * HOUR)
    with warehouse.begin() as connection:
        left(connection, "leo")
    with warehouse.connect() as connection:
        shells = rows(connection, "select shell_id, step from message.shell")
        found = {
            (mail.customer_id, step, mail.verdict)
            for shell, step in shells
            for mail in run_with(
                connection, "delivery/pick", pick_files(campaign), shell_id=shell, batch=100,
                only_enrollment_id=None, now=NOON + 3.5 * HOUR, topic="reminders", is_marketing=True,
                permissions=["confirmed"], campaign_topic="reminders", takes_over=True,
                **send_hours(campaign, topic_of()),
            )
        }  # fmt: skip
    assert found == {
        ("ann", "thanks", None), ("leo", "thanks", "suppressed"),
        ("ann", "reminder", "converted"), ("leo", "reminder", "converted"), ("bob", "reminder", None),
    }  # fmt: skip


def test_why_tells_what_is_ahead(warehouse: Engine) -> None:
    """Also after the end, and for steps whose moments do not count from the enrollment."""
    campaign = campaign_with(
        {"converted": [{**THANKS, "after_hours": 30}]},
        steps=[FIRST, {**DOUBTS, "after_hours": 4, "send_at": "20:00"}],
    )
    members(warehouse, "ann", "bob", timezone="UTC")
    walk(warehouse, campaign, 0)
    bought(warehouse, "ann", 1)
    walk(warehouse, campaign, 2)
    with warehouse.connect() as connection:
        ahead = {
            (name, one.step, (one.due_at - NOON) / HOUR, one.refusal)
            for name in ("ann", "bob")
            for one in answers(connection, campaign, topic_of(), name, NOON + 3 * HOUR)
        }
        told = run(connection, "kpis/running_series", customer_id="ann").all()
    assert ahead == {("ann", "thanks", 31, None), ("bob", "doubts", 8, None)}
    assert [(row.campaign, row.end_reason) for row in told] == [("cart_abandoned", "converted")]


@pytest.mark.parametrize("change", ["later", "sooner, and past", "taken out", "added", "retired words"])
def test_a_changed_file_moves_what_follows_an_end(warehouse: Engine, change: str) -> None:
    """New hours move a step that is ahead; one that had passed at the last run is added_later; one taken out is
    step_gone; one that is new does not reach series that had ended without anything ahead."""
    with_thanks = campaign_with({"converted": [{**THANKS, "after_hours": 10}]})
    without = campaign_with({})
    after = {
        "later": campaign_with({"converted": [{**THANKS, "after_hours": 12}]}),
        "sooner, and past": campaign_with({"converted": [{**THANKS, "after_hours": 1}]}),
        "taken out": without,
        "added": with_thanks,
        "retired words": campaign_with({"completed": [{**THANKS, "after_hours": 12}]}),
    }[change]
    members(warehouse, "ann")
    before = without if change == "added" else with_thanks
    walk(warehouse, before, 0)
    bought(warehouse, "ann", 1)
    walk(warehouse, before, 2, 4)
    walk(warehouse, after, 5, 11, 13)
    assert {row[2:] for row in ledger(warehouse) if row[1] == "thanks"} == {
        "later": {(13, "send", "eligible")},
        "sooner, and past": {(2, "skip", "added_later")},
        "taken out": {(11, "skip", "step_gone")},
        "added": set(),
        "retired words": set(),
    }[change]
