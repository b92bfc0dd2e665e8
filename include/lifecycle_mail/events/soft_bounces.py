"""A mailbox that is full again and again rests: soft bounces since the newest delivery → until when.

Inside the transaction of an ingest's step. Marketing mail to such a mailbox is refused as `mailbox_rests`, by the same
rule in deciding and in the claim. Transactional mail goes on: its delivery ends the rest. docs/decisions/0042 says why.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.engine import Connection

from lifecycle_mail.database import run


@dataclass(frozen=True)
class Rest:
    """When mail to a mailbox rests: after `bounces` soft bounces over at least `over_days` without a delivery, for
    `days` since the last of them. bounces = 0: never."""

    bounces: int = 5
    over_days: int = 7
    days: int = 30


USUAL_REST = Rest()


def fold_soft_bounces(connection: Connection, batch_id: int, rest: Rest) -> None:
    """Fold the step's soft bounces and deliveries by mailbox, and judge again which of these mailboxes rest.

    The order in which events arrive does not matter, nor how often. Call it after the fold of first facts.
    """
    run(connection, "events/fold_soft_bounces", batch_id=batch_id)
    run(connection, "events/fold_deliveries", batch_id=batch_id)
    run(
        connection, "events/judge_soft_bounces",
        batch_id=batch_id, bounces=rest.bounces, over_days=rest.over_days, rest_days=rest.days,
    )  # fmt: skip
