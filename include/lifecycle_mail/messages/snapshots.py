"""What a mail reads of its occurrences: the snapshot of a segment, and what is known only when the mail goes.

Path: sources → segments → journeys → decisions → [messages] → delivery → events → kpis.
Pure functions. A snapshot may be older than the segment that is read today: what it lacks is filled in here.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from lifecycle_mail.messages.formatting import days_until, shown_amount, times


def with_occurrences(context: Mapping[str, Any]) -> dict[str, Any]:
    """Return the context as templates know it: `occurrences` are the contexts of all that the mail is about.

    A series of several occurrences has them in its context; otherwise the mail is about the context alone.
    """
    whole = _completed(context)
    parts = context.get("occurrences")
    return {**whole, "occurrences": [whole] if parts is None else [_completed(part) for part in parts]}


def at_sending(context: Mapping[str, Any], currency: str, now: dt.datetime) -> dict[str, Any]:
    """Return the context with what is known when the mail goes.

    `sent_at` (ISO 8601): words about days hold on the day of sending, not on that of the snapshot. `currency`: that of
    the shell if the snapshot has none; amounts of several currencies have none together.
    """
    known = {**context, "sent_at": now.isoformat()}
    if len(context.get("totals", ())) < 2:
        known["currency"] = context.get("currency") or currency
    if known.get("items") and all(item.get("currency") is None for item in known["items"]):
        known |= _in_currency(known, currency)
    if "month" in context and "birthday_on" not in context:
        known["birthday_on"] = _nearest_birthday(now, context)
    return known


def _in_currency(cart: Mapping[str, Any], currency: str) -> dict[str, Any]:
    """Return a cart's lines and totals rounded as `currency` is shown, because no feed told which they are in.

    What is shown adds up: if all lines are there, the total is their sum. What is no amount stays for the template to
    report.
    """
    whole = _completed(cart)
    try:
        items = [{**item, "total": str(shown_amount(item["total"], currency))} for item in whole["items"]]
    except (KeyError, ValueError, ArithmeticError):
        return {}
    totals = whole["totals"]
    if whole.get("item_count") == len(items) and len(totals) == 1:
        together = str(sum(Decimal(item["total"]) for item in items))
        return {"items": items, "total": together, "totals": [{**totals[0], "total": together}]}
    return {"items": items}


def in_time(things: Sequence[Mapping[str, Any]], now: Any, zone: str | None = None) -> bool:
    """Return whether each of the things that run out arrives on a day before it does, if ordered on the day of `now`.

    The days are those of `zone`. False if the delivery of one takes a time that is not known.
    """
    return all(
        thing["delivery_days"] is not None
        and days_until(thing["runs_out_at"], now, zone) > float(thing["delivery_days"])
        for thing in things
    )


def _completed(context: Mapping[str, Any]) -> dict[str, Any]:
    """Return a snapshot with the keys that segments did not always give."""
    whole = dict(context)
    if items := context.get("items"):
        whole["items"] = [_line(item, context.get("currency")) for item in items]
        whole.setdefault("totals", [{"currency": context.get("currency"), "total": context.get("total")}])
    if "runs_out_at" in context:
        whole.setdefault("delivery_days", None)
    return whole


def _line(item: Mapping[str, Any], currency: str | None) -> Mapping[str, Any]:
    if "total" in item:
        return item
    try:
        return {**item, "total": times(item["quantity"], item["unit_price"]), "currency": currency}
    except (KeyError, ValueError):  # the template that needs the total names what is missing
        return item


def _nearest_birthday(now: dt.datetime, context: Mapping[str, Any]) -> str:
    """Return the date of the birthday that is nearest to `now`. In a night of the new year, the year of UTC is not yet,
    or no longer, that of the reader."""
    dates = [_birthday_in(now.year + step, context) for step in (-1, 0, 1)]
    return min(dates, key=lambda day: abs(days_until(day, now)))


def _birthday_in(year: int, context: Mapping[str, Any]) -> str:
    try:
        return dt.date(year, context["month"], context["day"]).isoformat()
    except ValueError:  # 29 February in another year
        return dt.date(year, 2, 28).isoformat()
