"""A mailbox that is full again and again rests, and comes back."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy.engine import Engine

from builders import NOON, rows
from lifecycle_mail import delivery
from lifecycle_mail.errors import SettingsError
from lifecycle_mail.events import Rest, ingest
from lifecycle_mail.kpis.timeline import timeline
from lifecycle_mail.settings import Settings
from planning import campaign_of, members, plan, topic_of

DAY = timedelta(days=1)


def told(kind: str, days_ago: float, name: str = "ann", **more: Any) -> dict[str, Any]:
    """An event of `days_ago` days before noon; a soft bounce is a block."""
    kinds = {"soft": {"event": "bounce", "type": "blocked"}, "expired": {"event": "bounce", "type": "expired"}}
    at = int((NOON - days_ago * DAY).timestamp())
    return {
        "email": f"{name.title()}@example.com", "timestamp": at, "sg_event_id": f"{kind}{name}{days_ago}",
        **kinds.get(kind, {"event": kind}), **more,
    }  # fmt: skip


def take(warehouse: Engine, folder: Path, *events: dict[str, Any], rest: Rest | None = None) -> None:
    path = folder / f"{len(list(folder.iterdir()))}.ndjson"
    path.write_bytes(b"".join(orjson.dumps(event) + b"\n" for event in events))
    ingest(warehouse, path, **({} if rest is None else {"rest": rest}))


def resting(warehouse: Engine) -> set[tuple[Any, ...]]:
    """(name, days from now until the rest ends) of the mailboxes that rest."""
    query = (
        "select split_part(address, '@', 1), extract(epoch from rests_until - :noon) / 86400 from event.soft_bounce"
        " where rests_until > :noon"
    )
    with warehouse.connect() as connection:
        return {(name, float(days)) for name, days in rows(connection, query, noon=NOON)}


FIVE = [told("soft", days) for days in (9, 7, 5, 3, 1)]


@pytest.mark.parametrize(
    ("events", "rests"),
    [
        (FIVE, {("ann", 29.0)}),
        ([told("expired", days) for days in (8, 6, 4, 2, 1)], {("ann", 29.0)}),
        (FIVE[1:], set()),  # four
        ([told("soft", days) for days in (5, 4, 3, 2, 1)], set()),  # within four days
        ([told("soft", days) for days in (8, 4, 3, 2, 1)], {("ann", 29.0)}),  # seven days exactly
        ([*FIVE, told("delivered", 4)], set()),  # a delivery between
        ([*FIVE, told("delivered", 0.5)], set()),  # a delivery since, of anyone's mail
        ([*FIVE, told("delivered", 20)], {("ann", 29.0)}),
        ([*FIVE, told("delivered", 0.5, "bob")], {("ann", 29.0)}),
        ([told("deferred", days) for days in (9, 7, 5, 3, 1)], set()),
        ([told("soft", days) for days in (45, 43, 41, 39, 31)], set()),  # the rest is over
        ([told("soft", days) for days in (60, 55, 50, 45, 40, 1)], {("ann", 29.0)}),  # and begins again
    ],
)  # fmt: skip
def test_after_five_soft_bounces_over_seven_days_without_a_delivery(
    warehouse: Engine, tmp_path: Path, events: Sequence[dict[str, Any]], rests: set[tuple[str, float]]
) -> None:
    """In whatever order and steps the events come, and however often."""
    shuffled = [*events, *events]
    random.Random(7).shuffle(shuffled)
    for event in shuffled:
        take(warehouse, tmp_path, event)
    assert resting(warehouse) == rests


def test_the_rule_is_a_setting(warehouse: Engine, tmp_path: Path) -> None:
    """Other numbers of bounces and days, and never."""
    two = Rest(bounces=2, over_days=0, days=3)
    take(warehouse, tmp_path, told("soft", 1), told("soft", 0.5), rest=two)
    take(warehouse, tmp_path, *[told("soft", days, "bob") for days in (9, 7, 5, 3, 1)], rest=Rest(bounces=0))
    assert resting(warehouse) == {("ann", 2.5)}
    read = Settings.from_environment({
        "LIFECYCLE_DATABASE_URL": "x", "LIFECYCLE_SOFT_BOUNCE_LIMIT": "3", "LIFECYCLE_SOFT_BOUNCE_DAYS": "2",
        "LIFECYCLE_SOFT_BOUNCE_REST_DAYS": "10",
    })  # fmt: skip
    assert (read.soft_bounce_limit, read.soft_bounce_days, read.soft_bounce_rest_days) == (3, 2, 10)
    with pytest.raises(SettingsError, match="LIFECYCLE_SOFT_BOUNCE_LIMIT is 'few'"):
        Settings.from_environment({"LIFECYCLE_DATABASE_URL": "x", "LIFECYCLE_SOFT_BOUNCE_LIMIT": "few"})


def test_marketing_mail_rests_and_says_so(warehouse: Engine, tmp_path: Path) -> None:
    """Deciding skips it as `mailbox_rests`, the claim cancels a mail that was planned before, and `why` tells it. The
    mailbox of another customer, and a transactional topic, go on."""
    members(warehouse, "ann", "bob")
    plan(warehouse, campaign_of(campaign="before"), topic_of())
    take(warehouse, tmp_path, *FIVE)
    plan(warehouse, campaign_of(campaign="after"), topic_of())
    account = topic_of(topic="account", kind="transactional")
    plan(warehouse, campaign_of(campaign="needed", topic="account", holdout=0), account)
    with warehouse.connect() as connection:
        reasons = set(rows(connection, "select campaign, customer_id, reason from decision.decision"))
        entries = timeline(connection, "ann")
        refused = set(rows(connection, "select campaign, customer_id from message.message"))
    assert reasons == {
        ("before", "ann", "eligible"), ("before", "bob", "eligible"), ("needed", "ann", "eligible"),
        ("after", "ann", "mailbox_rests"), ("after", "bob", "eligible"), ("needed", "bob", "eligible"),
    }  # fmt: skip
    assert ("after", "ann") not in refused
    rest = next(entry for entry in entries if entry.what == "mailbox rests")
    assert rest.happened_at == NOON - DAY
    assert "5 soft bounces" in str(rest.why)
    settings = Settings(database_url=warehouse.url.render_as_string(hide_password=False))
    topics = {"reminders": topic_of(), "account": account}
    lines = delivery.preview(warehouse, settings, topics, now=NOON)
    assert {(line.campaign, line.would_go, tuple(line.ended.items())) for line in lines} == {
        ("before", 1, (("mailbox_rests", 1),)), ("after", 1, ()), ("needed", 2, ()),
    }  # fmt: skip
