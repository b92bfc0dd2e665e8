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
    named = {"former": list(former), "present": list(present)}
    run(connection, "events/rename_words", **named)
    run(connection, "events/rename_suppressions", **named)
    run(connection, "events/rename_resubscriptions", **named)
    run(connection, "events/lift_renamed", present=sorted(set(present)))
