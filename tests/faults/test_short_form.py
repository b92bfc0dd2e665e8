"""The short form of the crash and fault suite, part of every test run; `make faults` runs the long one."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy.engine import Engine, make_url

from builders import NOON, rows
from dying_worker import POINTS
from event_feed import processed_events
from fault_report import Row, judge
from fault_stage import LEASE, plan_mails, stage_on
from lifecycle_mail.events import ingest
from webhook_outage import ENDS, FEW_LOOKS, OUTAGES, SETTLE_AFTER_HOURS, ends, play

pytestmark = pytest.mark.timeout(240)


def test_a_kill_at_every_point(warehouse: Engine, tmp_path: Path, report: Callable[[Row], None]) -> None:
    """Two workers, one death at each named point and some unclear answers: no mail goes twice or is lost, all are
    settled."""
    plan_mails(warehouse, 2000)
    with stage_on(warehouse, tmp_path, 2000) as stage:
        stage.faults(
            20,
            {"answer": "drop", "accepted": True, "times": 1},
            {"answer": "reset_body", "times": 1},
            {"answer": "status", "status": 400, "recipient": 16, "times": 1},
        )
        points = itertools.chain(POINTS, itertools.repeat(None))
        stage.campaign(2, lambda: stage.orders(point=next(points), nth=2, limit=50))
        row = judge("short form", stage, stage.settle(), 2)
        report(row)
        assert set(row.kills) == set(POINTS)
        assert (row.unclear_requests, row.rejected) == (2, 1)


def test_an_unsafe_delivery_is_caught(warehouse: Engine, tmp_path: Path, report: Callable[[Row], None]) -> None:
    """A worker that plans expired claims again at once mails people twice: the checker must see it."""
    plan_mails(warehouse, 500)
    with stage_on(warehouse, tmp_path, 500) as stage:
        turn = count()
        orders = {"point": "after answer, before record", "nth": 2, "limit": 100, "unsafe": True}
        stage.campaign(1, lambda: stage.orders(1.1 * LEASE * next(turn), **orders))
        row = judge("short form", stage, stage.settle_after(1.1 * LEASE * next(turn)), 1)
        row.must_fail = True
        report(row)
        assert row.duplicates >= 100
        assert f"{row.duplicates} mails sent twice" in row.problems


@pytest.mark.parametrize("policy", ["resend"])  # the policy that could mail twice; test_event_faults.py has both
def test_one_server_s_posts_are_late(
    warehouse: Engine, tmp_path: Path, report: Callable[[Row], None], policy: str
) -> None:
    """A fifth of the events comes 23 hours late, after newer ones of other mails: no mail goes twice, all are
    settled."""
    plan_mails(warehouse, 300, "uncapped")
    with stage_on(
        warehouse, tmp_path, 300, policy, kind="uncapped", settle_after_hours=SETTLE_AFTER_HOURS
    ) as stage:
        played = play(stage, OUTAGES[0], tmp_path / "webhook", 30, FEW_LOOKS)
        assert ends(played.after.end, played.untaken) == {ENDS[policy, True]}
        report(judge("short form", stage, played.after, 3, faulty_answers=2))


def test_many_doubts_are_settled_in_one_go(warehouse: Engine, tmp_path: Path) -> None:
    """5,000 mails in doubt that the statistics do not know yet are settled without comparing each with all."""
    plan_mails(warehouse, 5000)
    with warehouse.begin() as connection:
        connection.exec_driver_sql("analyze message.message")
        connection.exec_driver_sql(
            "update message.message set state = 'in_doubt', reason = 'no_answer', attempt_id = 1, claimed_at = now()"
        )
        ids = [one for (one,) in rows(connection, "select cast(message_id as text) from message.message")]
        database = make_url(warehouse.url).database
        connection.exec_driver_sql(f'alter database "{database}" set statement_timeout = \'10s\'')
    warehouse.dispose()
    (tmp_path / "events.ndjson").write_bytes(b"\n".join(processed_events(ids, int(NOON.timestamp()))) + b"\n")
    assert ingest(warehouse, tmp_path).settled == 5000
