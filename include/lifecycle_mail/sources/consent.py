"""The log of permissions and what stands in it: the newest word counts, and no feed lifts a withdrawal.

A no counts also from a row that is refused; a word that cannot be read lets mailing rest until the feed says one
that can.

Stage 1 of the path. The rule itself is the view source.standing_permission, the only place that has it;
everything here adds entries to the log and brings source.customer to what stands.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.engine import Connection

from lifecycle_mail.database import lock, run


def log_permissions(connection: Connection, load_id: int, file: str, now: datetime) -> None:
    """Write what the staged customers, and rows that were set aside, say about permission to the log.

    `now` is the time of the load, `file` the name of the file under way. Staged rows must still say what the file
    says: call it before `settle_staged_permissions`.
    """
    run(connection, "sources/create_heard")
    run(connection, "sources/log_permissions", load_id=load_id, now=now)
    run(connection, "sources/log_heard_withdrawals", load_id=load_id, now=now)
    run(connection, "sources/end_rests", load_id=load_id, now=now)
    run(connection, "sources/begin_rests", load_id=load_id, now=now, file=file)


def settle_staged_permissions(connection: Connection, load_id: int) -> None:
    """Put in the staged customers what stands in the log after load `load_id`, so that the merge writes it, and in
    the stored ones of whom only rows that were set aside said something.

    From here until the file is committed no other word is taken (`record_permission` waits): one that came
    between would be overwritten by what stood before it.
    """
    lock(connection, "permissions")
    run(connection, "sources/settle_staged_permissions", load_id=load_id)
    run(connection, "sources/settle_heard_permissions")


def record_permission(
    connection: Connection, customer_id: str, permission: str, permission_at: datetime, origin: str
) -> None:
    """Write to the log what a customer said other than by a feed, and settle what stands for them.

    `permission` is none, pending, confirmed or withdrawn; `permission_at` is when it was said (aware);
    `origin` says by what (unsubscribe, confirmation, preference_centre…). An entry of an origin other than
    'feed' that is later than a withdrawal lifts it. Runs in the caller's transaction, which should be short:
    it keeps a load from writing customers. The same entry a second time changes nothing.
    """
    if origin == "feed":
        raise ValueError("only a load writes entries of origin 'feed'")
    lock(connection, "permissions")
    run(
        connection, "sources/record_permission",
        customer_id=customer_id, permission=permission, permission_at=permission_at, origin=origin,
    )  # fmt: skip
    run(
        connection, "sources/end_rest",
        customer_id=customer_id, permission=permission, permission_at=permission_at,
    )  # fmt: skip
    run(connection, "sources/settle_permission", customer_id=customer_id)
