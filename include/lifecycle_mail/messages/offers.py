"""The words for an offer: what it gives, in the language of a shell.

Path: sources → segments → journeys → decisions → [messages] → delivery → events → kpis.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

GIFTS = "offer.gifts."
# The words that `offer_title` may need; a key that ends with a dot stands for all words under it.
OFFER_WORDS = ("offer.title", "offer.title_amount", "offer.title_free_shipping", "offer.title_gift", GIFTS)


def offer_title(offer: Mapping[str, Any] | None, t: Callable[..., str], money: Callable[..., str]) -> str | None:
    """Return what an offer gives, such as "10% off" or "Free delivery"; None without an offer."""
    if offer is None:
        return None
    if offer["kind"] == "amount":
        return t("offer.title_amount", amount=money(offer["amount"], offer["currency"]))
    if offer["kind"] == "gift":
        return t("offer.title_gift", gift=t(GIFTS + offer["gift"]))
    if offer["kind"] == "free_shipping":
        return t("offer.title_free_shipping")
    return t("offer.title", percent=offer["percent"])
