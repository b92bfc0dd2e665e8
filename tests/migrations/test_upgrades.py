"""Migrations on a database that already has rows: what a version before this one wrote is carried over."""

from __future__ import annotations

import datetime as dt

import pytest
from old_installations import bring_before_baseline
from sqlalchemy.engine import Engine

from builders import NOON, decision, ensure_month, insert, order, rows
from lifecycle_mail.campaigns import read_topics
from lifecycle_mail.delivery import approvals
from lifecycle_mail.errors import CampaignError
from lifecycle_mail.journeys import enroll
from lifecycle_mail.kpis import roll_up
from lifecycle_mail.migrations import AT_BASELINE, migrate
from lifecycle_mail.settings import INCLUDE
from lifecycle_mail.topic_names import agree
from planning import campaign_of


def test_approvals_of_a_file_alone_are_kept_and_hold_no_more(empty: Engine) -> None:
    """The old approval did not cover templates and words. It stays in the log, revoked, and can be given again."""
    bring_before_baseline(empty, AT_BASELINE)
    with empty.begin() as connection:
        insert(
            connection, "delivery.approval", campaign="cart_abandoned", definition_md5="a" * 32, approved_at=NOON,
            approved_by="lead",
        )  # fmt: skip
    assert "0029_definitions" in migrate(empty)
    with empty.connect() as connection:
        assert approvals(connection) == []
        assert rows(
            connection, "select campaign, definition_md5, approved_at, approved_by, reading, revoked_by"
            " from delivery.approval where revoked_at is not null",
        ) == [("cart_abandoned", "a" * 32, NOON, "lead", 0, "migration 0029")]  # fmt: skip


def test_an_upgrade_knows_the_names_that_opt_outs_have(empty: Engine) -> None:
    """A topic that was taken out of the file before the upgrade is missed at the next opening, by name."""
    bring_before_baseline(empty, AT_BASELINE)
    with empty.begin() as connection:
        for name, scope in (("ann", "topic:winter"), ("bob", "topic:winter"), ("cat", "all")):
            insert(
                connection, "event.suppression", address=f"{name}@example.com", scope=scope, reason="unsubscribed",
                source="lm_unsubscribe", suppressed_at=NOON,
            )  # fmt: skip
    assert "0028_topic_names" in migrate(empty)
    told = r"^topics\.yaml: topic 'winter' is missing, but opt-outs \(2\), mails \(0\) and campaigns \(0\) name it: "
    with pytest.raises(CampaignError, match=told):
        agree(empty, read_topics(INCLUDE / "topics.yaml"), "topics.yaml")


def test_what_was_decided_before_lanes_is_decided(empty: Engine) -> None:
    """Each lane goes on from the place it had reached: a run that died between its halves had decided the even ones."""
    bring_before_baseline(empty, AT_BASELINE)
    with empty.begin() as connection:
        insert(connection, "decision.progress", campaign="through", last_step_due_id=70)
        insert(connection, "decision.progress", campaign="half", last_step_due_id=50)
        insert(connection, "decision.halfway", campaign="half", even_step_due_id=60)
        insert(connection, "decision.halfway", campaign="first_half", even_step_due_id=9)
        for series in (7, 8):
            insert(
                connection, "journey.step_due", enrollment_id=series, step="one", campaign="half", customer_id="ann",
                variant="default", due_at=NOON, noticed_at=NOON,
            )  # fmt: skip
    migrate(empty)
    with empty.connect() as connection:
        progress = rows(connection, "select campaign, lane, last_step_due_id from decision.progress order by 1, 2")
        lanes = rows(connection, "select enrollment_id, lane from journey.step_due order by 1")
    assert progress == [("first_half", 0, 9), ("half", 0, 60), ("half", 1, 50), ("through", 0, 70), ("through", 1, 70)]
    assert lanes == [(7, 1), (8, 0)]


def test_what_opens_and_bounces_meant_is_carried_over(empty: Engine) -> None:
    """Old events get the fact an ingest would write: machine opens and both kinds of bounces, and no others."""
    bring_before_baseline(empty, AT_BASELINE)
    told = {
        "human": ("open", {}), "human_too": ("open", {"sg_machine_open": False}),
        "machine": ("open", {"sg_machine_open": True}), "machine_as_text": ("open", {"sg_machine_open": "true"}),
        "machine_as_number": ("open", {"sg_machine_open": 1}),
        "hard": ("bounce", {"type": "bounce"}), "hard_untold": ("bounce", {}), "hard_null": ("bounce", {"type": None}),
        "soft": ("bounce", {"type": "blocked"}), "given_up": ("bounce", {"type": "expired"}),
        "click": ("click", {"sg_machine_open": True}),
    }  # fmt: skip
    with empty.begin() as connection:
        ensure_month(connection, "event.event", NOON)
        for name, (kind, raw) in told.items():
            insert(connection, "event.event", sg_event_id=name, occurred_at=NOON, event=kind, batch_id=1, raw=raw)
    assert "0038_event_fact" in migrate(empty)
    with empty.connect() as connection:
        found = dict(rows(connection, "select sg_event_id, fact from event.event"))
    assert found == {
        "human": None, "human_too": None, "click": None,
        "machine": "machine_open", "machine_as_text": "machine_open", "machine_as_number": "machine_open",
        "hard": "bounced_hard", "hard_untold": "bounced_hard", "hard_null": "bounced_hard",
        "soft": "bounced_soft", "given_up": "bounced_soft",
    }  # fmt: skip


def test_series_so_far_are_the_first_epoch(empty: Engine) -> None:
    """They were dealt by the campaign as last published, so the same file begins no other epoch. The next roll-up
    counts their people, though it has counted their mails. The view of the lift keeps who may read it."""
    bring_before_baseline(empty, AT_BASELINE)
    step = {"step": "reminder", "after_hours": 0, "template": "cart_abandoned/reminder"}
    campaign = campaign_of(holdout=0.5, steps=[{**step, "variants": {"one": 0.25, "other": 0.75}}])
    with empty.begin() as connection:
        connection.exec_driver_sql("grant select on kpi.campaign_lift to pg_monitor")
        insert(
            connection, "journey.campaign", campaign="cart_abandoned", topic="reminders", is_marketing=True,
            segment="cart_abandoned", goal_event="order", goal_within_days=5, exit_on=["order"], holdout_ratio=0.5,
            priority=50, definition=campaign.definition(), definition_md5="0" * 32,
        )  # fmt: skip
        for who, is_holdout in (("ann", False), ("bob", True), ("cat", True)):
            series = insert(
                connection, "journey.enrollment", campaign="cart_abandoned", customer_id=who, occurrence="o",
                occurred_at=NOON, enrolled_at=NOON, is_holdout=is_holdout, ended_at=NOON, end_reason="completed",
            )  # fmt: skip
            said = ("skip", "held_out", "holdout") if is_holdout else ("send", "eligible", "other")
            decision(
                connection, series, "cart_abandoned", who, outcome=said[0], reason=said[1], variant=said[2]
            )
        order(connection, "o1", "bob", NOON)
        for name, value in (("decisions:cart_abandoned", "3"), ("reporting_zone", "UTC"), ("events", "0")):
            insert(connection, "kpi.progress", name=name, value=value)
    migrate(empty)
    enroll(empty, campaign, NOON)
    after = NOON + dt.timedelta(days=6)
    assert [roll_up(empty, reporting_zone="UTC", now=after).full for _ in range(2)] == [1, 0]
    with empty.connect() as connection:
        epochs = rows(connection, "select epoch, began_at, holdout_ratio, variants from journey.epoch")
        assert [(epoch, began, float(share), variants) for epoch, began, share, variants in epochs] == [
            (1, NOON, 0.5, {"reminder": {"one": 0.25, "other": 0.75}})
        ]
        query = "select treated, treated_converters, held_out, held_out_converters from kpi.campaign_lift"
        assert rows(connection, query) == [(1, 0, 2, 1)]
        query = "select variant, units from kpi.variant_result order by 1"
        assert rows(connection, query) == [("one", 0), ("other", 1)]
        readers = "select has_table_privilege('pg_monitor', 'kpi.campaign_lift', 'select')"
        assert rows(connection, readers) == [(True,)]
