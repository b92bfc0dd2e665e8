"""What a delivery settles before it sends: expired claims, old doubt, mails without a topic or an approval."""

from __future__ import annotations

import datetime as dt

from sqlalchemy.engine import Connection, Engine

from lifecycle_mail.campaigns import SETTLE_AFTER_HOURS, Topic
from lifecycle_mail.database import run
from lifecycle_mail.delivery.approvals import end_expired
from lifecycle_mail.delivery.places import release
from lifecycle_mail.delivery.reports import DeliveryReport
from lifecycle_mail.messages.doubt import abandon_in_doubt, settle_in_doubt
from lifecycle_mail.messages.states import end_without_topic, expire_claims


def reconcile(engine: Engine, topics: dict[str, Topic], now: dt.datetime, report: DeliveryReport) -> None:
    """Put mails of expired claims in doubt, and settle old doubt by each topic's policy.

    For a topic that is no longer in the file, the default policy settles doubt, and planned mails end when they are
    stale. For a retired topic they end at once.
    """
    with engine.begin() as connection:
        report.expired_claims += expire_claims(connection, now)
        run(connection, "delivery/doubt_attempts", now=now)
        _end_without_topic(connection, topics, now, report)
    for topic in topics.values():
        with engine.begin() as connection:  # judging one topic may take seconds, so it holds no locks of the others
            settled = settle_in_doubt(connection, topic, now)
            report.add_doubt(topic.topic, settled)
            release(connection, settled.again)


def _end_without_topic(
    connection: Connection, topics: dict[str, Topic], now: dt.datetime, report: DeliveryReport
) -> None:
    gone = run(connection, "delivery/gone_topics", known=list(topics)).all()
    for reason, is_retired in (("stale", False), ("topic_retired", True)):
        names = [row.topic for row in gone if row.is_retired == is_retired]
        if ended := end_without_topic(connection, names, reason, now, is_at_once=is_retired):
            report.ended[reason] += ended
    for row in gone:
        report.add_doubt(row.topic, abandon_in_doubt(connection, row.topic, SETTLE_AFTER_HOURS, now))


def end_unapproved(engine: Engine, now: dt.datetime, report: DeliveryReport) -> None:
    """End mails that expired while they waited for an approval."""
    with engine.begin() as connection:
        if ended := end_expired(connection, now):
            report.ended["unapproved"] += ended
