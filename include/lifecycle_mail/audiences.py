"""Audiences: the hashed addresses of a segment for an advertising network, with what to take in and out.

Above every stage. Only customers who may be mailed about a topic are in an audience. So the next export takes out who
said no and who was erased. It also takes out who left the segment, for instance because they bought.
"""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from sqlalchemy.engine import Connection, Engine

from lifecycle_mail import previews, segments
from lifecycle_mail.campaigns import Topic
from lifecycle_mail.database import lock, run
from lifecycle_mail.errors import SegmentError
from lifecycle_mail.mailboxes import mailbox

Network = Literal["plain", "google"]
COLUMN = "email_sha256"


@dataclass(frozen=True)
class Audience:
    """One export: its files, and how many addresses they have in all, to take in, and to take out."""

    export_id: int
    files: tuple[Path, Path, Path]
    addresses: int
    added: int
    removed: int


def export(
    engine: Engine,
    name: str,
    parameters: dict[str, Any],
    topic: Topic,
    folder: Path,
    by: str,
    as_of: dt.datetime,
    now: dt.datetime,
    network: Network = "plain",
) -> Audience:
    """Write three files to `folder`: the whole audience of segment `name`, what is new in it, and what is gone.

    Each has one column, email_sha256: SHA-256 of the address, trimmed and in lower case, in hexadecimal. Their names
    have the number of the export, and only their owner may read them. The files are written before the export is kept.
    So after a crash the next export tells the network the same changes again, which does no harm.

    Raises:
        SegmentError: unknown segment or parameter, or the folder cannot be written.
    """
    key = segments.segment_key(name, parameters)
    with engine.begin() as connection:
        lock(connection, f"audience:{key}:{network}")
        segments.copy_customers(connection, "preview_member", name, as_of, parameters)
        previews.judge(connection, topic, now)
        run(connection, "audiences/create_now", network=network)
        every = run(connection, "audiences/all_now").scalars().all()
        changes = run(connection, "audiences/changes", segment=key, network=network).all()
        added = [row.address_sha256 for row in changes if row.is_added]
        removed = [row.address_sha256 for row in changes if not row.is_added]
        export_id = _keep(connection, key, network, by, as_of, now, (len(every), len(added), len(removed)))
        files = _write(folder, f"{segments.definition(name).name}-{network}-{export_id:06d}", every, added, removed)
    return Audience(export_id, files, len(every), len(added), len(removed))


def audiences_of(connection: Connection, addresses: Iterable[str]) -> list[str]:
    """Return the audiences (segment, network) that were given one of these addresses and not told to take it out."""
    hashes = [_sha256(spelled) for address in addresses for spelled in _spellings(mailbox(address))]
    found = run(connection, "audiences/audiences_of", sha256s=hashes)
    return [f"{row.segment} ({row.network})" for row in found]


def _keep(
    connection: Connection,
    key: str,
    network: str,
    by: str,
    as_of: dt.datetime,
    now: dt.datetime,
    counts: tuple[int, int, int],
) -> int:
    addresses, added, removed = counts
    export_id: int = run(
        connection, "audiences/insert_export",
        segment=key, network=network, exported_by=by, as_of=as_of, now=now,
        addresses=addresses, added=added, removed=removed,
    ).scalar_one()  # fmt: skip
    run(connection, "audiences/take_out", segment=key, network=network)
    run(connection, "audiences/take_in", segment=key, network=network, export_id=export_id)
    return export_id


def _write(folder: Path, name: str, every: Iterable[str], added: Iterable[str], removed: Iterable[str]) -> Any:
    parts = {"all": every, "added": added, "removed": removed}
    try:
        return tuple(_written(folder / f"{name}.{part}.csv", hashes) for part, hashes in parts.items())
    except OSError as error:
        raise SegmentError(f"{folder} cannot be written ({error.strerror}): give another folder") from None


def _written(path: Path, hashes: Iterable[str]) -> Path:
    with open(path, "w", encoding="ascii", newline="", opener=_for_its_owner) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([COLUMN])
        writer.writerows([one] for one in hashes)
        file.flush()
        os.fsync(file.fileno())
    return path


def _for_its_owner(name: str, flags: int) -> int:
    return os.open(name, flags, 0o600)


def _spellings(address: str) -> set[str]:
    """Return an address as each network spells it (include/sql/audiences/create_now.sql)."""
    local, _, domain = address.rpartition("@")
    if domain in ("gmail.com", "googlemail.com"):
        return {address, f"{local.partition('+')[0].replace('.', '')}@{domain}"}
    return {address}


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
