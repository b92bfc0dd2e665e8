"""The sources part of an erasure. What stays: a row without a person, keyed hashes of the addresses, no personal text.

Stage 1 of the path. A person is one customer. Another customer who shares the mailbox, or has it now, is another person
and stays. Orders, views and the other facts stay too, because they name no person. Callers hold the lock "load", so
that no running load can bring the person back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.engine import Connection

from lifecycle_mail.database import lock, run


@dataclass(frozen=True)
class Erasure:
    """What an erasure did.

    customer_ids: the erased customer; empty = there was none to erase. scrubbed: texts set aside that were
    emptied. former_addresses: addresses the person had before. shared: those of all their addresses that a living
    customer also holds, or held before.
    """

    customer_ids: tuple[str, ...]
    scrubbed: int
    former_addresses: tuple[str, ...] = ()
    shared: frozenset[str] = frozenset()


def address_of(connection: Connection, customer_id: str) -> str | None:
    """Return the customer's address in lower case; None if there is no such customer, or if it was erased."""
    return run(connection, "sources/address_of", customer_id=customer_id).scalar_one_or_none()


def erase_customer(connection: Connection, customer_id: str, link_secret: str, at: datetime) -> Erasure:
    """Erase one customer in schema source, and no other; in the caller's transaction.

    Personal columns become null, the permission is withdrawn at `at`, and the former addresses are deleted. A hash of
    every address, keyed with `link_secret`, is kept, and later loads check it. A repeated call does nothing.
    """
    lock(connection, "load")
    address = address_of(connection, customer_id)
    if address is None:
        return Erasure((), 0)
    run(connection, "sources/erase_customer", customer_id=customer_id, at=at)
    run(
        connection, "sources/record_permission",
        customer_id=customer_id, permission="withdrawn", permission_at=at, origin="erasure",
    )  # fmt: skip
    gone = run(connection, "sources/forget_former_addresses", customer_id=customer_id)
    former = tuple(sorted(set(gone.scalars()) - {address}))
    addresses = (address, *former)
    for each in addresses:
        run(connection, "sources/remember_erased", address=each, link_secret=link_secret, at=at)
    shared = _shared(connection, addresses)
    own = [each for each in addresses if each not in shared]
    run(connection, "sources/erase_words", customer_id=customer_id, own=own, shared=sorted(shared))
    scrubbed = run(connection, "sources/scrub_rejected", customer_id=customer_id, addresses=own).rowcount
    return Erasure((customer_id,), scrubbed, former, shared)


def _shared(connection: Connection, addresses: Sequence[str]) -> frozenset[str]:
    """Return the addresses that a living person also has."""
    return frozenset(run(connection, "sources/shared_addresses", addresses=list(addresses)).scalars())
