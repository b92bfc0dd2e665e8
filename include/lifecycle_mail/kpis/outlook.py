"""What holds for one customer now: what planning and the claim would say if they came next. `why` shows it.

No rule stands here. Planning and the claim are asked with the statements that they run themselves, and nothing is kept.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from sqlalchemy.engine import Connection, Engine, Row

from lifecycle_mail import decisions, delivery, journeys
from lifecycle_mail.campaigns import Campaign, Topic, topic_called
from lifecycle_mail.database import run
from lifecycle_mail.errors import CampaignError
from lifecycle_mail.settings import Settings


@dataclass(frozen=True)
class Outlook:
    """What holds for a series (`step` None), or for a step or mail of it that is not settled yet."""

    campaign: str
    step: str | None
    what: str
    says: str


def outlook(
    engine: Engine,
    settings: Settings,
    topics: dict[str, Topic],
    customer_id: str,
    now: dt.datetime,
    campaign: str | None = None,
) -> list[Outlook]:
    """Return what planning and the claim would say at `now` of a customer's running series and planned mails.

    A campaign counts as it was last published, so this works without its file. With `campaign` only of it.
    """
    with engine.connect() as connection:
        rows = run(connection, "kpis/running_series", customer_id=customer_id).all()
        found = [line for row in rows for line in _of_series(connection, topics, customer_id, row, now)]
    found += [
        Outlook(mail.campaign, mail.step, f"mail planned for {_minute(mail.not_before)}", mail.says)
        for mail in delivery.outlook_of_mails(engine, settings, topics, customer_id, now)
    ]
    chosen = [line for line in found if campaign in (None, line.campaign)]
    return sorted(chosen, key=lambda line: line.campaign)  # series, steps and mails stay in their order


def _of_series(
    connection: Connection, topics: dict[str, Topic], customer_id: str, row: Row[Any], now: dt.datetime
) -> list[Outlook]:
    try:
        campaign = delivery.published_campaign(row.definition_md5, row.definition)
        topic = topic_called(topics, campaign.topic)
        if topic is None:
            raise CampaignError(f"topic '{campaign.topic}' is not in topics.yaml any more")
    except CampaignError as error:
        return [Outlook(row.campaign, None, "series cannot be judged", str(error))]
    if row.end_reason is not None:
        ended = Outlook(row.campaign, None, "series has ended", f"{row.end_reason}; what follows its end is ahead")
        return [ended, *_steps(connection, campaign, topic, customer_id, now)]
    over = journeys.exit_of(connection, campaign, customer_id, now)
    if over is not None:
        what = f"would end: {over.reason} ({_minute(over.exited_at)})"
        return [Outlook(row.campaign, None, what, f"{over.end_reason}, at the next planning")]
    left = [part for part in journeys.part_exits(connection, campaign, customer_id, now) if part.exited_at]
    parts = [
        Outlook(row.campaign, None, f"would leave the series: {one.occurrence}", f"{one.reason}, at the next planning")
        for one in left
    ]
    holds = "an exit word holds for a part of it alone" if parts else "no exit word holds"
    goes_on = Outlook(row.campaign, None, "series goes on", holds)
    return [*parts, goes_on, *_steps(connection, campaign, topic, customer_id, now)]


def _steps(
    connection: Connection, campaign: Campaign, topic: Topic, customer_id: str, now: dt.datetime
) -> list[Outlook]:
    found = decisions.answers(connection, campaign, topic, customer_id, now)
    return [
        Outlook(campaign.campaign, one.step, f"due {_minute(one.due_at)}", _said(one, now)) for one in found
    ]


def _said(answer: decisions.Answer, now: dt.datetime) -> str:
    if answer.due_at <= now:
        return f"would be decided: {answer.reason}"
    return f"would be refused: {answer.refusal}" if answer.refusal else "nothing refuses it"


def _minute(moment: dt.datetime) -> str:
    return f"{moment.astimezone(dt.UTC):%Y-%m-%d %H:%M}"
