"""The sources part of an erasure: a row without person stays, a keyed hash of the address, and no text of theirs.

Stage 1 of the path. Orders, views and the other facts stay: they name nobody. Callers hold the lock "load",
so that no load under way can bring the person back.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.engine import Connection

from lifecycle_mail.database import lock, run


@dataclass(frozen=True)
class Erasure:
    """What an erasure did: every customer key of the person (the address may have several; empty = there was
    no one to erase), and how many texts set aside were emptied."""

    customer_ids: tuple[str, ...]
    scrubbed: int
    former_addresses: tuple[str, ...] = ()


def address_of(connection: Connection, customer_id: str) -> str | None:
    """Return the customer's address in lower case; None where there is no such customer, or it was erased."""
    return run(connection, "sources/address_of", customer_id=customer_id).scalar_one_or_none()


def erase_customer(connection: Connection, customer_id: str, link_secret: str, at: datetime) -> Erasure:
    """Erase a person in schema source, with every customer of the same address; in the caller's transaction.

    Personal columns become null, the permission is withdrawn at `at`, and the address is remembered as a hash
    keyed with `link_secret`, which later loads check. A second time does nothing.
    """
    lock(connection, "load")
    address = address_of(connection, customer_id)
    if address is None:
        return Erasure((), 0)
    run(connection, "sources/remember_erased", address=address, link_secret=link_secret, at=at)
    found = run(connection, "sources/erase_customers", address=address, at=at)
    customer_ids = tuple(sorted(found.scalars()))
    for each in customer_ids:
        run(
            connection, "sources/record_permission",
            customer_id=each, permission="withdrawn", permission_at=at, origin="erasure",
        )  # fmt: skip
    scrubbed = run(
        connection, "sources/scrub_rejected", customer_ids=list(customer_ids), address=address
    ).rowcount
    former = _forget_former(connection, customer_ids, link_secret, at)
    return Erasure(customer_ids, scrubbed, former)


def _forget_former(
    connection: Connection, customer_ids: tuple[str, ...], link_secret: str, at: datetime
) -> tuple[str, ...]:
    """Forget the addresses the person had before, each remembered as a hash like the present one."""
    found = run(connection, "sources/forget_former_addresses", customer_ids=list(customer_ids))
    former = tuple(sorted(set(found.scalars())))
    for address in former:
        run(connection, "sources/remember_erased", address=address, link_secret=link_secret, at=at)
        run(connection, "sources/scrub_rejected", customer_ids=list(customer_ids), address=address)
    return former
