"""Opt-outs and returns under the present names of their topics, after a topic was renamed.

Beside the path of an ingest; the caller holds the lock `ingest`. What comes in later under a former name is written
under the present one by the folds themselves (installation.scope_meant).
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.engine import Connection

from lifecycle_mail.database import run


def rename_topics(connection: Connection, former: Sequence[str], present: Sequence[str]) -> None:
    """Move what people said of topics to their present names (`former` and `present` side by side).

    Where one person left both, the later word stands. Again, it changes nothing.
    """
    _rename_scopes(connection, [f"topic:{name}" for name in former], [f"topic:{name}" for name in present])


def _rename_scopes(connection: Connection, former: list[str], present: list[str]) -> None:
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
