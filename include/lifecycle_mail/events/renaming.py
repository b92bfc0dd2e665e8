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
    _rename_scopes(connection, [f"topic:{name}" for name in former], [f"topic:{name}" for name in present])


def _rename_scopes(connection: Connection, former: list[str], present: list[str]) -> None:
    run(connection, "events/rename_words", former=former, present=present)
    run(connection, "events/rename_suppressions", former=former, present=present)
    run(connection, "events/rename_resubscriptions", former=former, present=present)
    run(connection, "events/lift_renamed", present=sorted(set(present)))


def regroup(connection: Connection) -> None:
    """Store what was said of unsubscribe groups as `installation.topic_group` tells now.

    A word about a group that has become a topic's is a word about that topic. What members of another application's
    group said there is nothing to us, and goes: SendGrid keeps it. Again, it changes nothing.
    """
    with_topic = {row.said: row.scope for row in run(connection, "events/scopes_of_groups")}
    if with_topic:
        _rename_scopes(connection, list(with_topic), list(with_topic.values()))
    run(connection, "events/forget_foreign")


def rename_campaign(connection: Connection, former: str, present: str) -> None:
    """Give what became of a campaign's mails its present name. Later events follow: they name a mail, no campaign."""
    run(connection, "events/rename_campaign", former=former, present=present)
