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
from lifecycle_mail.sources.blanks import BLANKS
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


BLANK_IDS = """
insert into source.load (finished_at) select now() from generate_series(1, 3);
insert into source.customer (customer_id, email, created_at, first_name, permission, permission_at, load_id) values
    ('w4', 'new@example.com', '2026-01-01Z', ' ', 'confirmed', '2026-02-01Z', 2),
    (U&'w4\\00a0', 'old@example.com', '2026-01-01Z', 'Wim', 'withdrawn', '2026-01-05Z', 1),
    (U&'\\200bw5', 'five@example.com', '2026-01-01Z', ' Five ', 'confirmed', '2026-02-01Z', 1),
    ('w6', 'six@example.com', '2026-01-01Z', 'Six', 'confirmed', '2026-02-01Z', 1),
    ('w6 ', 'six@example.com', '2026-01-01Z', 'Six', 'none', null, 2);
insert into source.permission_change (customer_id, permission, permission_at, origin) values
    ('w4', 'confirmed', '2026-02-01Z', 'feed'), (U&'w4\\00a0', 'withdrawn', '2026-01-05Z', 'feed'),
    ('w6', 'confirmed', '2026-02-01Z', 'feed'), ('w6 ', 'confirmed', '2026-02-01Z', 'feed');
insert into source.product (product_id, name, load_id) values
    ('p', 'old', 1), ('p ', 'new', 2), (' q', 'alone', 1);
insert into source.orders (order_id, customer_id, ordered_at, total, cart_id, load_id) values
    ('o1', U&'w4\\00a0', '2026-01-10Z', 1, 'k ', 1), ('o1 ', 'w4', '2026-01-10Z', 2, null, 2),
    ('o2', 'w4', '2026-01-12Z', 3, null, 2);
insert into source.order_line (order_id, line_no, product_id, quantity, unit_price, load_id) values
    ('o1', 1, 'p', 1, 1, 1), ('o1 ', 1, 'p ', 2, 1, 2), ('o1', 2, ' q', 1, 1, 1);
insert into source.cart (cart_id, customer_id, created_at, updated_at, status, url, load_id) values
    ('k', 'w4', '2026-01-01Z', '2026-01-01Z', 'open', 'app://k', 1),
    ('k ', 'w4', '2026-01-01Z', '2026-01-02Z', 'ordered', 'https://shop.example.com/k', 2);
insert into source.cart_line (cart_id, product_id, quantity, unit_price, load_id) values
    ('k', 'gone', 9, 1, 1), ('k ', 'p', 1, 5, 2), ('k ', 'p ', 2, 5, 2), ('m', 'p ', 4, 5, 1);
insert into source.page_view (view_id, customer_id, viewed_at, product_id, topic, load_id) values
    ('v', U&'w4\\00a0', '2026-01-20Z', 'p ', ' tea ', 1);
insert into journey.enrollment
    (campaign, customer_id, occurrence, occurred_at, context, enrolled_at, is_holdout, ended_at) values
    ('tea', U&'w4\\00a0', 'a', '2026-01-01Z', '{"cart_id": "k "}', '2026-01-01Z', false, null),
    ('tea', 'w4', 'b', '2026-01-02Z', '{}', '2026-01-02Z', false, null),
    ('tea', 'w4', 'c', '2026-01-03Z', '{}', '2026-01-03Z', false, '2026-01-04Z'),
    ('tea', U&'w4\\00a0', 'c', '2026-01-03Z', '{}', '2026-01-03Z', false, '2026-01-04Z');
insert into journey.step_due (enrollment_id, step, campaign, customer_id, variant, due_at, noticed_at)
values (1, 'one', 'tea', U&'w4\\00a0', 'default', '2026-01-01Z', '2026-01-01Z');
"""


def test_ids_that_differ_by_blanks_become_one(empty: Engine) -> None:
    """Rows of one id are merged, the newest counts, and each id that changed is listed. A no of either customer is a no
    of both. What was mailed to either was mailed to the one, and the activity is that of both."""
    bring_before_baseline(empty, AT_BASELINE)
    with empty.begin() as connection:
        for query in BLANK_IDS.replace("\\\\", "\\").split(";\n")[:-1]:
            connection.exec_driver_sql(query.replace("%", "%%"))
    assert "0067_trimmed_ids" in migrate(empty)
    with empty.connect() as connection:
        merged = rows(connection, "select kind, former_id, present_id, was_two from source.merged_id order by 1, 2")
        people = rows(
            connection, "select customer_id, email, first_name, permission from source.customer order by 1"
        )
        standing = dict(rows(connection, "select customer_id, permission from source.standing_permission"))
        former = rows(connection, "select customer_id, address from source.former_address")
        products = rows(connection, "select product_id, name from source.product order by 1")
        orders = rows(connection, "select order_id, customer_id, total, cart_id from source.orders order by 1")
        lines = rows(connection, "select order_id, line_no, product_id, quantity from source.order_line order by 1, 2")
        carts = rows(connection, "select cart_id, status, url from source.cart")
        cart_lines = rows(connection, "select cart_id, product_id, quantity from source.cart_line order by 1, 2")
        views = rows(connection, "select customer_id, product_id, topic from source.page_view")
        activity = rows(
            connection, "select customer_id, order_count, last_view_at::date::text from source.customer_activity"
        )
        series = rows(
            connection,
            "select customer_id, occurrence, end_reason, context from journey.enrollment order by enrollment_id",
        )
        steps = rows(connection, "select customer_id from journey.step_due")
    assert set(merged) == {
        ("cart", "k ", "k", True), ("customer", "w4\u00a0", "w4", True), ("customer", "\u200bw5", "w5", False),
        ("customer", "w6 ", "w6", True), ("order", "o1 ", "o1", True), ("product", " q", "q", False),
        ("product", "p ", "p", True),
    }  # fmt: skip
    assert people == [
        ("w4", "new@example.com", None, "withdrawn"), ("w5", "five@example.com", "Five", "confirmed"),
        ("w6", "six@example.com", "Six", "confirmed"),
    ]  # fmt: skip
    assert standing == {"w4": "withdrawn", "w6": "confirmed"}
    assert former == [("w4", "old@example.com")]
    assert products == [("p", "new"), ("q", "alone")]
    assert orders == [("o1", "w4", 2, None), ("o2", "w4", 3, None)]
    assert lines == [("o1", 1, "p", 2), ("o1", 2, "q", 1)]
    assert carts == [("k", "ordered", "https://shop.example.com/k")]
    assert cart_lines == [("k", "p", 3), ("m", "p", 4)]
    assert views == [("w4", "p", "tea")]
    assert activity == [("w4", 2, "2026-01-20")]
    assert series == [
        ("w4", "a", None, {"cart_id": "k"}), ("w4", "b", "superseded", {}), ("w4", "c", None, {}),
        ("w4\u00a0", "c", None, {}),
    ]  # fmt: skip
    assert steps == [("w4",)]


def test_the_migration_trims_what_a_load_trims(empty: Engine) -> None:
    """Every blank of a load is one of the migration, at both ends, in whatever collation."""
    bring_before_baseline(empty, AT_BASELINE)
    with empty.begin() as connection:
        load_id = insert(connection, "source.load", finished_at=NOON)
        for number, blank in enumerate(BLANKS):
            insert(connection, "source.product", product_id=f"{blank}p{number}{blank}", name="x", load_id=load_id)
    migrate(empty)
    with empty.connect() as connection:
        found = {product_id for (product_id,) in rows(connection, "select product_id from source.product")}
    assert found == {f"p{number}" for number in range(len(BLANKS))}


def test_an_upgrade_knows_the_newest_facts(empty: Engine) -> None:
    """The first load after the upgrade may bring nothing: how old the facts are is known all the same."""
    bring_before_baseline(empty, AT_BASELINE)
    ahead = dt.datetime(2999, 1, 1, tzinfo=dt.UTC)
    with empty.begin() as connection:
        for name, at in (("old", NOON - dt.timedelta(days=1)), ("new", NOON), ("ahead", ahead)):
            order(connection, name, "ann", at)
    assert "0079_newest_facts" in migrate(empty)
    with empty.connect() as connection:
        assert rows(connection, "select feed, happened_at from source.newest_fact") == [("orders", NOON)]
