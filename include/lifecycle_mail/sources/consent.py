"""The log of permissions and what stands in it: the newest word counts, and no feed lifts a withdrawal.

Stage 1 of the path. The rule itself is the view source.standing_permission, the only place that has it;
everything here adds entries to the log and brings source.customer to what stands.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.engine import Connection

from lifecycle_mail.database import lock, run


def log_permissions(connection: Connection, load_id: int, now: datetime) -> None:
    """Write what the staged customers say about permission to the log; `now` is the time of the load."""
    run(connection, "sources/log_permissions", load_id=load_id, now=now)


def settle_staged_permissions(connection: Connection, load_id: int) -> None:
    """Put in the staged customers what stands in the log after load `load_id`, so that the merge writes it.

    From here until the file is committed no other word is taken (`record_permission` waits): one that came
    between would be overwritten by what stood before it.
    """
    lock(connection, "permissions")
    run(connection, "sources/settle_staged_permissions", load_id=load_id)


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
    run(connection, "sources/settle_permission", customer_id=customer_id)
