"""Opt-in mails after a no: one per mailbox in 30 days, whichever claims ask for it at once."""

from __future__ import annotations

import datetime as dt

from sqlalchemy.engine import Connection

from lifecycle_mail.database import run, texts
from lifecycle_mail.delivery.picking import PickedMail
from lifecycle_mail.delivery.work import ShellWork
from lifecycle_mail.messages.states import MessageKey

OPEN, ASKED_LATELY = "open", "asked_lately"


def keep_first(
    connection: Connection, work: ShellWork, rows: list[PickedMail], now: dt.datetime
) -> tuple[list[PickedMail], list[tuple[MessageKey, str]]]:
    """Hold the mailboxes of opt-in mails that go after a no; return the mails that may go, and those that end here.

    Another claim may have asked the same mailbox since these mails were judged. Claims of one mailbox take turns: the
    second one looks again when the first has committed. Call it before a claim takes places.
    """
    asked = [row for row in rows if row.opt_in == OPEN]
    if not asked:
        return rows, []
    run(connection, "delivery/lock_mailboxes", addresses=texts(row.address for row in asked))
    found = run(
        connection, "delivery/asked_meanwhile",
        customer_ids=texts(row.customer_id for row in asked), topic=work.topic.topic, now=now,
    )  # fmt: skip
    late = set(found.scalars())
    ended = [(row.key, ASKED_LATELY) for row in asked if row.customer_id in late]
    return [row for row in rows if row.opt_in != OPEN or row.customer_id not in late], ended
