"""Erased people → whether an address is theirs, and what stays of an event about them.

An ingest asks this module. The provider goes on reporting about people who are erased here: their old mails are opened,
bounce, or lead to an unsubscribe. Of an erased address the warehouse knows only the hash by source.address_hash, keyed
with the link secret.
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
from lifecycle_mail.mailboxes import mailbox
from lifecycle_mail.sendgrid.event_words import KEPT_KEYS

# Every character that an address may have, and only the usual ones, because an address may be quoted or part of a link.
# The length is limited; otherwise a long line without spaces would be searched again from each of its characters.
_ADDRESSES = (
    re.compile(r"[^\s<>\"(),;:\\\[\]]{1,64}@[^\s<>\"'(),;:\\\[\]]{1,255}"),
    re.compile(r"[\w.%+-]{1,64}@[\w.-]{1,255}"),
)

_MAIL = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class ErasedAddresses:
    """Tells whether an address (as `mailbox` writes it) belongs to an erased person and to no living customer.

    If a living customer also holds the address, or held it before, events about it are theirs, except those of
    mails that went to the erased person.
    """

    def __init__(self, engine: Engine, link_secret: str, hashes: frozenset[bytes]) -> None:
        self._engine, self._key, self._hashes = engine, link_secret.encode(), hashes
        # One person has several events, mostly close together.
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
        # The same computation as source.address_hash, because a call would be a round trip per address.
        inner = hashlib.sha256(self._key + address).digest()
        return hashlib.sha256(self._key + inner).digest() in self._hashes

    def _look_up_holder(self, address: bytes) -> bool:
        with self._engine.connect() as connection:
            return bool(scalar(connection, "events/is_shared", address=address.decode()))

    def _look_up_mail(self, message_id: str) -> bool:
        with self._engine.connect() as connection:
            return bool(scalar(connection, "events/is_mail_of_erased", message_id=message_id))


def erased_addresses(engine: Engine, link_secret: str) -> ErasedAddresses | None:
    """Return a function that tells whether an address is an erased person's; None if no person has been erased.

    Hold the lock "ingest" while it is in use. An erasure waits for that lock, so no person is erased meanwhile.
    """
    with engine.connect() as connection:
        hashes = frozenset(bytes(one) for one in run(connection, "events/erased_addresses").scalars())
    return ErasedAddresses(engine, link_secret, hashes) if hashes else None


def without_person(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is kept of an erased person's event: fields that name no person, and our own lm_* arguments."""
    return {key: value for key, value in event.items() if key in KEPT_KEYS or key.startswith("lm_")}


def names_erased(line: str, erased: ErasedAddresses) -> bool:
    """Tell whether a line that cannot be taken names an erased person: by an address that no living customer holds, or
    by an address together with a mail that went to the person."""
    said = f"{line} {unescaped(line.encode())}".lower() if "\\" in line else line.lower()
    found = {mailbox(address.rstrip(".")).encode() for pattern in _ADDRESSES for address in pattern.findall(said)}
    mails = _MAIL.findall(said) if found else []
    return any(erased(one) or any(erased.is_left_mail(one, mail) for mail in mails) for one in found)


def unescaped(body: bytes) -> str:
    """Return the text that a broken line may contain: its \\uXXXX escapes decoded, its other escapes dropped."""
    text = body.decode("utf-8", "replace")
    text = re.sub(r"\\u([0-9a-fA-F]{4})", lambda found: chr(int(found[1], 16)), text)
    return text.replace("\\", "")
