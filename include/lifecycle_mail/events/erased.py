"""Who was erased → whether an address is theirs, and what stays of an event about them.

Stands beside the path of an ingest. The provider goes on telling of people who are erased here: old mails are opened,
bounce, and are unsubscribed from. Of an erased address only the hash by source.address_hash is known, keyed with the
link secret.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from sqlalchemy.engine import Engine

from lifecycle_mail.database import run, scalar
from lifecycle_mail.events.copying import uuid
from lifecycle_mail.sendgrid.event_words import KEPT_KEYS

# Every character an address may have, and only the usual ones: an address may be quoted, or part of a link. Of limited
# length, or a long line without spaces would be searched again from each of its characters.
_ADDRESSES = (
    re.compile(r"[^\s<>\"(),;:\\\[\]]{1,64}@[^\s<>\"'(),;:\\\[\]]{1,255}"),
    re.compile(r"[\w.%+-]{1,64}@[\w.-]{1,255}"),
)

_MAIL = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class ErasedAddresses:
    """Tells whether an address (lower case, UTF-8) is an erased person's and of nobody living.

    Where a living customer holds the address too, or held it before, events about it are theirs, except those of
    mails that went to the erased person.
    """

    def __init__(self, engine: Engine, link_secret: str, hashes: frozenset[bytes]) -> None:
        self._engine, self._key, self._hashes = engine, link_secret.encode(), hashes
        # A person has several events, mostly near one another.
        self._had_erased = lru_cache(maxsize=100_000)(self._look_up_hash)
        self._is_shared = lru_cache(maxsize=100_000)(self._look_up_holder)
        self._is_of_erased = lru_cache(maxsize=100_000)(self._look_up_mail)

    def __call__(self, address: bytes) -> bool:
        return self._had_erased(address) and not self._is_shared(address)

    def is_left_mail(self, address: bytes, message_id: object) -> bool:
        """Tell whether an event at a shared address is of a mail (lm_message_id) that went to an erased person."""
        if not self._had_erased(address) or type(message_id) is not str or uuid(message_id) is None:
            return False
        return self._is_shared(address) and self._is_of_erased(message_id)

    def _look_up_hash(self, address: bytes) -> bool:
        # As source.address_hash does; asking it would be a round trip an address.
        inner = hashlib.sha256(self._key + address).digest()
        return hashlib.sha256(self._key + inner).digest() in self._hashes

    def _look_up_holder(self, address: bytes) -> bool:
        with self._engine.connect() as connection:
            return bool(scalar(connection, "events/is_shared", address=address.decode()))

    def _look_up_mail(self, message_id: str) -> bool:
        with self._engine.connect() as connection:
            return bool(scalar(connection, "events/is_mail_of_erased", message_id=message_id))


def erased_addresses(engine: Engine, link_secret: str) -> ErasedAddresses | None:
    """Return what tells whether an address is an erased person's; None where nobody is erased.

    Hold the lock "ingest" while it is in use: an erasure waits for it, so that nobody is erased meanwhile.
    """
    with engine.connect() as connection:
        hashes = frozenset(bytes(one) for one in run(connection, "events/erased_addresses").scalars())
    return ErasedAddresses(engine, link_secret, hashes) if hashes else None


def without_person(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is kept of an event whose person is erased: what names nobody, and our own lm_* arguments."""
    return {key: value for key, value in event.items() if key in KEPT_KEYS or key.startswith("lm_")}


def names_erased(line: str, erased: ErasedAddresses) -> bool:
    """Tell whether a line that cannot be taken holds the address of an erased person: one that is nobody's now, or one
    beside a mail that went to them."""
    said = f"{line} {unescaped(line.encode())}".lower() if "\\" in line else line.lower()
    found = {address.rstrip(".").encode() for pattern in _ADDRESSES for address in pattern.findall(said)}
    mails = _MAIL.findall(said) if found else []
    return any(erased(one) or any(erased.is_left_mail(one, mail) for mail in mails) for one in found)


def unescaped(body: bytes) -> str:
    """Return what a broken line may say: its \\uXXXX escapes read, its other escapes dropped."""
    text = body.decode("utf-8", "replace")
    text = re.sub(r"\\u([0-9a-fA-F]{4})", lambda found: chr(int(found[1], 16)), text)
    return text.replace("\\", "")
