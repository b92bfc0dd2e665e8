"""Mails that wait though nobody paused them: for an approval, or for a template or topic that is out of order.

A delivery goes on for all the others and ends well, and in the end the mails are stale: somebody has to say so.
"""

from __future__ import annotations

import datetime as dt

from sqlalchemy.engine import Connection, Engine

from lifecycle_mail.campaigns import Topic
from lifecycle_mail.database import run
from lifecycle_mail.delivery.claims import Workbench, out_of_order
from lifecycle_mail.delivery.pauses import campaign_scope, pauses
from lifecycle_mail.messages.templates import TemplateLibrary
from lifecycle_mail.settings import Settings


def waits(
    engine: Engine, settings: Settings, topics: dict[str, Topic], now: dt.datetime, campaign: str | None = None
) -> list[str]:
    """Return a sentence for each campaign (or the one) whose planned mails wait: for what, and what to do.

    A campaign that is paused is left out: it waits for that first. Nothing waits where nothing is sent (preview),
    and only live sending needs approvals.
    """
    if settings.mode == "preview":
        return []
    bench = Workbench(settings, topics, TemplateLibrary(settings.templates_dir), "waits")
    with engine.connect() as connection, connection.begin() as transaction:
        found = _unapproved(connection, now) if settings.mode == "live" else []
        found += [(name, f"mails of campaign {name} wait: {why}") for name, why in out_of_order(connection, bench, now)]
        held = {one.scope for one in pauses(connection)}
        transaction.rollback()  # a template that was corrected is rendered to see that it can be
    return [
        said
        for name, said in found
        if campaign in (None, name) and not held & {"all", campaign_scope(name)}
    ]


def _unapproved(connection: Connection, now: dt.datetime) -> list[tuple[str, str]]:
    return [
        (
            one.campaign,
            f"{one.mails} planned mails of campaign {one.campaign} wait for an approval of its present definition, "
            f"until they are stale: read its file, then run `campaign approve {one.campaign} --by WHO`; or, where it "
            f"is not to go on, `campaign pause {one.campaign}`",
        )
        for one in run(connection, "delivery/unapproved", now=now)
    ]
