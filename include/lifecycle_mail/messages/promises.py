"""What the words of a mail promise, and what has to be there so that it is true on the day the mail goes.

A promise is a phrase of the brand's words and what it needs: keys of the occurrence's context, facts that the rules of
the segment ask (`did`), or something of the step (OFFER, FREE_DELIVERY, CALENDAR, MOMENT). A promise that needs nothing
that there is, is never kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

OFFER, FREE_DELIVERY, CALENDAR, MOMENT = "an offer", "an offer of free delivery", "dates in `on`", "a moment in `at`"
_MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December"
_BOUGHT = ("order_id", "order_ids", "orders", "items", "product_id", "products", "last_order_at", "ordered")
_SEEN = ("product_id", "products", "product_type", "category", "items", "topic", "view_count", "viewed")


@dataclass(frozen=True)
class Promise:
    """A phrase, what it needs (any of these), and why it is refused without."""

    phrase: re.Pattern[str]
    needs: tuple[str, ...]
    because: str


def _promise(phrase: str, needs: tuple[str, ...], because: str) -> Promise:
    return Promise(re.compile(rf"(?i)\b(?:{phrase})"), needs, because)


PROMISES = (
    _promise(r"(?:one|single|1)[ -]click\b", (), "our links lead to a page with a button, which are two clicks"),
    _promise(
        r"asked (?:us )?to (?:remind|be reminded)|asked for (?:a|this) reminder", ("reminder_asked_at",),
        "a permission to write is no wish for a reminder",
    ),
    _promise(
        r"(?:left|still|waits?|waiting)\b.{0,30}\bin your (?:basket|cart)\b", ("cart_id", "carted", "found_in"),
        "the segment knows no cart",
    ),
    _promise(
        r"(?:you ordered|your (?:recent|last|latest) (?:order|purchase))\b", _BOUGHT, "the segment knows no order"
    ),
    _promise(r"you (?:viewed|looked at)\b", _SEEN, "the segment does not know what was viewed"),
    _promise(
        r"(?:you(?: have|'ve)? registered|your (?:seat|booking|registration))\b", ("occasion_id", "registered"),
        "the segment knows no registration",
    ),
    _promise(r"your (?:contract|subscription)\b", ("contract_id", "ends_at"), "the segment knows no contract"),
    _promise(r"your points\b", ("points",), "the segment knows no points"),
    _promise(
        r"(?:\d+ ?% off|your (?:discount|voucher)(?: code)?)\b|your code\b", (OFFER, "offer_code"),
        "the step has no offer",
    ),
    _promise(r"free (?:shipping|delivery)\b", (FREE_DELIVERY, "offer_code"), "the step does not offer it"),
    _promise(
        rf"(?:\d{{1,2}}(?:st|nd|rd|th)? (?:of )?(?:{_MONTHS})|(?:{_MONTHS}) \d{{1,2}}|20\d\d-\d\d-\d\d)\b", (CALENDAR,),
        "a date in fixed words is past one day; show one of the context or of the offer",
    ),
    _promise(
        r"(?:tomorrow|tonight|today only|ends today|this (?:morning|afternoon|evening|weekend))\b", (MOMENT, CALENDAR),
        "a mail may wait for its hour until another day",
    ),
)
# What a review must not be paid for: 16 CFR 465 (the rule of the Federal Trade Commission on consumer reviews), and the
# terms of most places where reviews stand.
INCENTIVE = re.compile(
    r"(?i)\b(?:discount|coupon|voucher|gift|reward|prize|bonus|cashback|free (?:shipping|delivery)|points|\d+ ?% off"
    r"|raffle|giveaway)s?\b"
)


def broken_promises(words: str, there: set[str]) -> Iterator[tuple[str, Promise]]:
    """Yield the phrases of `words` that promise what is not `there`."""
    for promise in PROMISES:
        found = promise.phrase.search(words)
        if found and not there.intersection(promise.needs):
            yield found[0], promise
