"""The file by which the shop learns which codes were given out, in the form of the feed `offers`.

Path: sources → segments → journeys → decisions → [messages] → delivery → events → kpis.
A file has what is new or changed since the one before, one row per code. It appears under its name only when it is
whole, and before the database notes what it told. So after a crash the next file tells the same once more, which does
no harm, and nothing is lost.
"""

from __future__ import annotations

import datetime as dt
import os
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.engine import Connection, Engine

from lifecycle_mail.database import lock, raw_cursor, run, scalar
from lifecycle_mail.errors import SettingsError

_COPY = """copy (
    select
        offer_code, customer_id, campaign, kind, percent, amount, currency,
        to_char(valid_from at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as valid_from,
        to_char(valid_until at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as valid_until
    from offer_told
    order by offer_code
) to stdout with (format csv, header true)"""


@dataclass(frozen=True)
class OfferExport:
    """One export: its file, and how many codes that tells. No file if there was nothing to tell."""

    file: Path | None
    codes: int

    def counts(self) -> dict[str, int]:
        return {"codes": self.codes}


def export_codes(engine: Engine, folder: Path, now: dt.datetime, since: dt.datetime | None = None) -> OfferExport:
    """Write the codes that the shop has to be told to a new file in `folder`.

    `since`: tell again what was told since then, for a shop that lost files.

    Raises:
        SettingsError: the folder is not there, or cannot be written; nothing is noted as told then.
    """
    with engine.begin() as connection:
        lock(connection, "offers:export")
        run(connection, "messages/withdraw_codes", now=now)
        run(connection, "messages/create_due", since=since)
        run(connection, "messages/create_told")
        codes = int(scalar(connection, "messages/count_told"))
        file = _write(connection, folder, now) if codes else None
        run(connection, "messages/mark_told", now=now)
    return OfferExport(file, codes)


def _write(connection: Connection, folder: Path, now: dt.datetime) -> Path:
    """Write the file under a name that no reader takes, and give it its own when it is on the disk."""
    final = _free_name(folder, f"offer_codes-{now.astimezone(dt.UTC):%Y%m%dT%H%M%S%fZ}")
    part = final.with_suffix(".part")
    try:
        with open(part, "wb", opener=_for_its_owner) as stream, raw_cursor(connection) as cursor:
            cursor.copy_expert(_COPY, stream)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(part, final)
        _keep_name(folder)
    except OSError as error:
        raise SettingsError(f"{folder} cannot be written ({error.strerror}): give another folder") from None
    return final


def _free_name(folder: Path, stem: str) -> Path:
    """Return a name that no earlier file has: the shop may not have read that one yet."""
    names = (f"{stem}{f'-{number}' if number else ''}.csv" for number in range(1000))
    return next(folder / name for name in names if not (folder / name).exists())


def _keep_name(folder: Path) -> None:
    """Make the new name survive a loss of power."""
    place = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(place)
    finally:
        os.close(place)


def _for_its_owner(name: str, flags: int) -> int:
    return os.open(name, flags, 0o640)
