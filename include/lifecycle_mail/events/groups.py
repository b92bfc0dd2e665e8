"""Unsubscribe groups whose owner is unknown: until an operator names it, the careful answer holds.

This is apart from the path of an ingest.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from sqlalchemy.engine import Connection, Engine

from lifecycle_mail.database import run

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class UnlistedGroup:
    """An unsubscribe group of the account that the topics file does not name, and how many addresses left it."""

    group_id: int
    addresses: int

    def sentence(self) -> str:
        """Say what it means and what to do, without addresses."""
        return (
            f"SendGrid's unsubscribe group {self.group_id} is no topic's: the {self.addresses} address(es) that left "
            "it get no mail at all. If it is another application's, list it under foreign_groups in the topics file"
        )


def warn_of_unlisted_groups(engine: Engine) -> None:
    """Write to the log which groups keep people from all mail because nothing says whose they are."""
    with engine.connect() as connection:
        for group in unlisted_groups(connection):
            logger.warning(group.sentence())


def unlisted_groups(connection: Connection) -> list[UnlistedGroup]:
    """Return the groups whose members get no mail because nothing says whose the group is, by number."""
    return [UnlistedGroup(row.group_id, row.addresses) for row in run(connection, "events/unlisted_groups")]
