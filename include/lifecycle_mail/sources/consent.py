"""The log of permissions, and which of its entries holds: the newest counts, and no feed lifts a withdrawal.

A refused row's withdrawal counts too. If a permission cannot be read, mailing stops until the feed gives one that can.

Stage 1 of the path. The rule itself is the view source.standing_permission and nothing else. This module adds entries
to the log and updates source.customer to match the view.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.engine import Connection

from lifecycle_mail.database import lock, run


def log_permissions(connection: Connection, load_id: int, file: str, now: datetime) -> None:
    """Write to the log what the staged customers, and the rows that were set aside, say about permission.

    `now` is the time of the load, `file` the name of its file. Call this before `settle_staged_permissions`, while the
    staged rows still say what the file says.
    """
    run(connection, "sources/create_heard")
    run(connection, "sources/log_permissions", load_id=load_id, now=now)
    run(connection, "sources/log_heard_withdrawals", load_id=load_id, now=now)
    run(connection, "sources/end_rests", load_id=load_id, now=now)
    run(connection, "sources/begin_rests", load_id=load_id, now=now, file=file)


def settle_staged_permissions(connection: Connection, load_id: int) -> None:
    """Put the permission that holds after load `load_id` in the staged customers, so that the merge writes it, and in
    those stored customers about whom only rows that were set aside said something.

    From here until the file is committed no other entry is taken (`record_permission` waits). An entry in between would
    be overwritten by the older permission.
    """
    lock(connection, "permissions")
    run(connection, "sources/settle_staged_permissions", load_id=load_id)
    run(connection, "sources/settle_heard_permissions")


def record_permission(
    connection: Connection, customer_id: str, permission: str, permission_at: datetime, origin: str
) -> None:
    """Write to the log what a customer said other than by a feed, and update the permission that holds for them.

    `permission` is none, pending, confirmed or withdrawn; `permission_at` is when it was said (aware);
    `origin` says by what (unsubscribe, confirmation, preference_centre…). An entry of an origin other than
    'feed' lifts a withdrawal that is older than it. Runs in the caller's transaction, which should be short,
    because meanwhile no load can write customers. The same entry a second time changes nothing.
    """
    if origin == "feed":
        raise ValueError("origin is 'feed', but only a load writes entries of that origin: give another")
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
