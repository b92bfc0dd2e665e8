"""What mails recommend, and the record of it.

Path: sources → segments → journeys → decisions → [messages] → delivery → events → kpis.
Chosen when a mail is claimed, with the facts of that moment, for the whole claim in one statement: a mail that waited
recommends nothing that was bought or sold out since it was planned.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import orjson
from sqlalchemy.engine import Connection

from lifecycle_mail import segments
from lifecycle_mail.campaigns import Recommend
from lifecycle_mail.database import bigints, run
from lifecycle_mail.messages.formatting import shown_amount

Shown = list[dict[str, Any]]
"""The variable `recommended` of one mail."""


def recommended_for(
    connection: Connection,
    wanted: Recommend | None,
    people: Sequence[tuple[str, Mapping[str, Any]]],
    currency: str,
    now: dt.datetime,
) -> list[Shown]:
    """Return what each mail recommends; `people` are the customer and the context of each. Without `wanted` nothing."""
    if wanted is None:
        return [[] for _ in people]
    asked = [segments.about(customer_id, context) for customer_id, context in people]
    found = segments.recommend(connection, wanted.what, wanted.items, asked, currency, now)
    return [[{**asdict(one), "price": str(shown_amount(one.price, one.currency))} for one in mail] for mail in found]


def keep_recommended(connection: Connection, step: str, chosen: Mapping[int, Shown]) -> None:
    """Record what the mails of a step recommend, by enrollment; an earlier record of them is replaced."""
    run(connection, "messages/forget_recommendations", step=step, enrollment_ids=bigints(chosen))
    rows = [
        {"enrollment_id": enrollment_id, "place": place, "product_id": one["product_id"], "why": one["why"]}
        for enrollment_id, shown in chosen.items()
        for place, one in enumerate(shown, start=1)
    ]
    run(connection, "messages/keep_recommendations", step=step, rows=orjson.dumps(rows).decode())
