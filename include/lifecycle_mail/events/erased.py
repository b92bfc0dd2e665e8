"""Who was erased → whether an address is theirs, and what stays of an event about them.

Stands beside the path of an ingest. The provider goes on telling of people who are erased here: old mails are opened,
bounce, and are unsubscribed from. Of an erased address only the hash by source.address_hash is known, keyed with the
link secret.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from sqlalchemy.engine import Engine

from lifecycle_mail.database import run

# Of an event that is scrubbed only these, and our own lm_* arguments, are kept.
KEPT_KEYS = (
    "event", "timestamp", "sg_event_id", "sg_message_id", "type", "status", "attempt", "category",
    "asm_group_id", "sg_machine_open", "bounce_classification", "send_at", "tls",
)  # fmt: skip
# Every character an address may have, and only the usual ones: an address may be quoted, or part of a link. Of limited
# length, or a long line without spaces would be searched again from each of its characters.
_ADDRESSES = (
    re.compile(r"[^\s<>\"(),;:\\\[\]]{1,64}@[^\s<>\"'(),;:\\\[\]]{1,255}"),
    re.compile(r"[\w.%+-]{1,64}@[\w.-]{1,255}"),
)

IsErased = Callable[[bytes], bool]


def erased_addresses(engine: Engine, link_secret: str) -> IsErased | None:
    """Return what tells whether an address (lower case, UTF-8) is an erased person's; None where nobody is erased.

    Hold the lock "ingest" while it is in use: an erasure waits for it, so that nobody is erased meanwhile.
    """
    with engine.connect() as connection:
        hashes = frozenset(bytes(one) for one in run(connection, "events/erased_addresses").scalars())
    if not hashes:
        return None
    key = link_secret.encode()

    @lru_cache(maxsize=100_000)  # a person has several events, mostly near one another
    def is_erased(address: bytes) -> bool:
        # As source.address_hash does; asking it would be a round trip an address.
        return hashlib.sha256(key + hashlib.sha256(key + address).digest()).digest() in hashes

    return is_erased


def without_person(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is kept of an event whose person is erased."""
    return {key: value for key, value in event.items() if key in KEPT_KEYS or key.startswith("lm_")}


def names_erased(line: str, is_erased: IsErased) -> bool:
    """Tell whether a line that cannot be taken holds the address of an erased person."""
    said = f"{line} {unescaped(line.encode())}".lower() if "\\" in line else line.lower()
    found = (address for pattern in _ADDRESSES for address in pattern.findall(said))
    return any(is_erased(address.rstrip(".").encode()) for address in found)


def unescaped(body: bytes) -> str:
    """Return what a broken line may say: its \\uXXXX escapes read, its other escapes dropped."""
    text = body.decode("utf-8", "replace")
    text = re.sub(r"\\u([0-9a-fA-F]{4})", lambda found: chr(int(found[1], 16)), text)
    return text.replace("\\", "")
