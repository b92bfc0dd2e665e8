"""Move opt-outs and returns to the present names of their topics, and first facts to those of their campaigns.

The caller holds the lock `ingest`. If an event comes in later under a former name, the folds themselves write it under
the present one (installation.scope_meant).
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.engine import Connection

from lifecycle_mail.database import run


def rename_topics(connection: Connection, former: Sequence[str], present: Sequence[str]) -> None:
    """Move opt-outs and returns from former topic names to present ones (`former` and `present` are parallel lists).

    If one person left a topic under both names, the later statement stands. A repeated call changes nothing.
    """
    named = {"former": list(former), "present": list(present)}
    run(connection, "events/rename_words", **named)
    run(connection, "events/rename_suppressions", **named)
    run(connection, "events/rename_resubscriptions", **named)
    run(connection, "events/lift_renamed", present=sorted(set(present)))


def rename_campaign(connection: Connection, former: str, present: str) -> None:
    """Give what became of a campaign's mails its present name. Later events follow: they name a mail, no campaign."""
    run(connection, "events/rename_campaign", former=former, present=present)
