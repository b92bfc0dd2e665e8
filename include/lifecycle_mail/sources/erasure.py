"""The sources part of an erasure. What stays: a row without a person, keyed hashes of the addresses, no personal text.

Stage 1 of the path. A person is one customer. Another customer who shares the mailbox, or has it now, is another person
and stays. Orders, views and the other facts stay too, because they name no person. Callers hold the lock "load", so
that no running load can bring the person back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.engine import Connection

from lifecycle_mail.database import lock, run
from lifecycle_mail.mailboxes import spellings
from lifecycle_mail.sources.feeds import feeds
from lifecycle_mail.sources.staging import erase_mentions, erase_texts


@dataclass(frozen=True)
class Erasure:
    """What an erasure did.

    customer_ids: the erased customer; empty = there was none to erase. scrubbed: texts set aside that were
    emptied. former_addresses: addresses the person had before. shared: those of all their addresses that a living
    customer also holds, or held before. words: their addresses and names in lower case, by which whatever shows them
    can be found.
    """

    customer_ids: tuple[str, ...]
    scrubbed: int
    former_addresses: tuple[str, ...] = ()
    shared: frozenset[str] = frozenset()
    words: tuple[str, ...] = field(default=(), compare=False, repr=False)


def address_of(connection: Connection, customer_id: str) -> str | None:
    """Return the customer's address in lower case; None if there is no such customer, or if it was erased."""
    return run(connection, "sources/address_of", customer_id=customer_id).scalar_one_or_none()


def erase_customer(connection: Connection, customer_id: str, link_secret: str, at: datetime) -> Erasure:
    """Erase one customer in schema source, and no other; in the caller's transaction.

    Personal columns become null, the permission is withdrawn at `at`, and the former addresses are deleted. A hash of
    every address, keyed with `link_secret`, is kept, and later loads check it. The free texts of the person's facts are
    emptied. A repeated call does nothing.
    """
    lock(connection, "load")
    person = run(connection, "sources/person_of", customer_id=customer_id).one_or_none()
    if person is None:
        return Erasure((), 0)
    address, names = person.address, _names(person.first_name, person.last_name)
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
    run(connection, "sources/erase_proofs", customer_id=customer_id)
    scrubbed = run(
        connection, "sources/scrub_rejected", customer_id=customer_id, addresses=_spelled(own), names=names
    ).rowcount
    words = (*_spelled(addresses), *names)
    for feed in feeds().values():
        erase_texts(connection, feed, customer_id, words)
        erase_mentions(connection, feed, customer_id)
    run(
        connection, "sources/erase_offer_codes",
        customer_id=customer_id, addresses=_spelled(own), names=names, link_secret=link_secret,
    )  # fmt: skip
    return Erasure((customer_id,), scrubbed, former, shared, words)


def erase_address(connection: Connection, address: str, link_secret: str, at: datetime) -> Erasure:
    """Erase in schema source a person known by an address (lower case) that no living customer holds or held.

    The address is remembered as for `erase_customer`. In the caller's transaction.
    """
    lock(connection, "load")
    run(connection, "sources/remember_erased", address=address, link_secret=link_secret, at=at)
    run(connection, "sources/erase_words", customer_id=None, own=[address], shared=[])
    scrubbed = run(
        connection, "sources/scrub_rejected", customer_id=None, addresses=_spelled([address]), names=[]
    ).rowcount
    return Erasure((), scrubbed, words=tuple(_spelled([address])))


def holders_of(connection: Connection, address: str) -> tuple[list[str], list[str]]:
    """Return the living customers who hold an address (lower case), and those who held it before and do not now."""
    found = list(run(connection, "sources/holders_of", address=address))
    return [row.customer_id for row in found if not row.is_former], [
        row.customer_id for row in found if row.is_former
    ]


def _spelled(addresses: Sequence[str]) -> list[str]:
    """Return every text by which a row may name one of the addresses, in lower case."""
    return [text for address in addresses for text in spellings(address)]


def _names(*names: str | None) -> list[str]:
    """Return names in lower case; a single letter tells no person."""
    return [name.strip().lower() for name in names if name and len(name.strip()) > 1]


def _shared(connection: Connection, addresses: Sequence[str]) -> frozenset[str]:
    """Return the addresses that a living person also has."""
    return frozenset(run(connection, "sources/shared_addresses", addresses=list(addresses)).scalars())
