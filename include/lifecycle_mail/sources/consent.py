"""The log of permissions and what stands in it: the newest word counts, and a feed lifts no withdrawal but its own.

A no counts also from a row that is refused; a word that cannot be read lets mailing rest until the feed says one
that can. A row that repeats what the feed said last says nothing new.

Stage 1 of the path. The rule itself is the view source.standing_permission and nothing else. This module adds entries
to the log and updates source.customer to match the view.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.engine import Connection

from lifecycle_mail.database import lock, run


@dataclass(frozen=True)
class Hearing:
    """How a load hears what its files say.

    load_id: the load; now: its time (aware); link_secret: keys the hashes of erased addresses; may_resubscribe: a yes
    of the feed counts as the person's own, since the shop asks people again.
    """

    load_id: int
    now: datetime
    link_secret: str
    may_resubscribe: bool = False


@contextmanager
def remembered_words(connection: Connection) -> Iterator[None]:
    """Remember for the next load what the files of this one say, all of them together; transactions of its own.

    The files are loaded inside, on the same connection.
    """
    with connection.begin():
        run(connection, "sources/create_feed_said")
        connection.exec_driver_sql("truncate feed_said")  # a load that broke off on this connection left its rows
    yield
    with connection.begin():
        connection.exec_driver_sql("analyze feed_said")
        run(connection, "sources/forget_words")
        run(connection, "sources/drop_feed_said")


def log_permissions(connection: Connection, hearing: Hearing, file: str) -> None:
    """Write what the staged customers, and rows that were set aside, say about permission to the log.

    `file` is the name of the file under way. Staged rows must still say what the file says: call it before
    `settle_staged_permissions`, within `remembered_words`.
    """
    load_id, now = hearing.load_id, hearing.now
    run(connection, "sources/create_heard", link_secret=hearing.link_secret)
    run(
        connection, "sources/create_news",
        load_id=load_id, now=now, may_resubscribe=hearing.may_resubscribe,
    )  # fmt: skip
    run(connection, "sources/log_permissions", load_id=load_id)
    run(connection, "sources/add_proofs")
    run(connection, "sources/remember_words")
    run(connection, "sources/note_said")
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


@dataclass(frozen=True)
class Withdrawal:
    """A withdrawal at a mailbox. `speaker`: the customer who said it, None = not known. `origin`: by what it came."""

    speaker: str | None
    origin: str


def withdrawals_at(connection: Connection, address: str) -> tuple[Withdrawal, ...]:
    """Return the withdrawals in force that were said at a mailbox (as `mailbox` writes it), each speaker's in order."""
    found = run(connection, "sources/withdrawals_at", address=address)
    return tuple(Withdrawal(row.customer_id or None, row.origin) for row in found)


def lift_withdrawals(connection: Connection, address: str, now: datetime) -> None:
    """End what was said against all mail at a mailbox (as `mailbox` writes it) before `now`, on an operator's word.

    It counts for the customers who have the mailbox, and for those who come to it. What one of them said at another
    mailbox stays, and who did not confirm has not confirmed. Runs in the caller's transaction, like
    `record_permission`.
    """
    lock(connection, "permissions")
    for holder in run(connection, "sources/log_lift", address=address, now=now).scalars().all():
        run(connection, "sources/settle_permission", customer_id=holder)


def take_birthdays(connection: Connection, batch_id: int) -> int:
    """Give customers without a birthday the one that they told on the preference page; return how many got one."""
    return run(connection, "sources/take_birthdays", batch_id=batch_id).rowcount


def record_permission(
    connection: Connection, customer_id: str, permission: str, permission_at: datetime, origin: str
) -> None:
    """Write to the log what a customer said other than by a feed, and update the permission that holds for them.

    `permission` is none, pending, confirmed or withdrawn; `permission_at` is when it was said (aware);
    `origin` says by what (unsubscribe, confirmation, preference_centre…). *confirmed* lifts every earlier opt-out and
    withdrawal at the customer's mailbox, for all who hold it, and those that the customer said elsewhere. Runs in the
    caller's transaction, which should be short: it keeps a load from writing customers. The same entry a second time
    changes nothing.
    """
    if origin in ("feed", "feed_resubscribing"):
        raise ValueError(f"origin is '{origin}', but only a load writes entries of that origin: give another")
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
