"""The codes of offers: given to mails when they are planned, and read when they go.

Path: sources → segments → journeys → decisions → [messages] → delivery → events → kpis.
A code is random and kept with its mail (docs/decisions/0080). Its end counts from the last moment at which the mail may
go, so however long a mail waits, it shows an end that holds.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.engine import Connection

from lifecycle_mail.database import bigints, run
from lifecycle_mail.messages.shells import Shell


def give_codes(connection: Connection, shell_ids: Sequence[int], half: int | None = None) -> int:
    """Give a code to each planned mail of these shells that has an offer and no code; returns how many."""
    if not shell_ids:
        return 0
    return run(connection, "messages/give_codes", shell_ids=bigints(set(shell_ids)), half=half).rowcount


def renew_codes(connection: Connection, shell_id: int) -> None:
    """Give the codes of planned mails the terms of the shell that they have now."""
    run(connection, "messages/renew_codes", shell_id=shell_id)
    give_codes(connection, [shell_id])


def codes_of(connection: Connection, shell: Shell, enrollment_ids: Sequence[int]) -> dict[int, Mapping[str, Any]]:
    """Return code and end by series, for mails of `shell`: one statement for all of them, none without an offer."""
    if shell.offer is None or not enrollment_ids:
        return {}
    step = shell.offer.get("of") or shell.step
    rows = run(connection, "messages/codes_of", enrollment_ids=bigints(enrollment_ids), step=step)
    return {row.enrollment_id: {"code": row.code, "valid_until": row.valid_until} for row in rows}


def erase_codes(connection: Connection, customer_id: str, at: dt.datetime) -> int:
    """Withdraw the personal codes of a person who is erased; returns how many they had."""
    return run(connection, "messages/erase_codes", customer_id=customer_id, at=at).rowcount


def example_code(offer: Mapping[str, Any] | None, now: dt.datetime) -> Mapping[str, Any] | None:
    """Return what a mail that is only shown has in place of a code: no shop takes it. None without an offer."""
    if offer is None:
        return None
    ends = now + dt.timedelta(hours=float(offer["valid_hours"] or 0))
    return {"code": offer["code"] or "EXAMPLE", "valid_until": ends}
