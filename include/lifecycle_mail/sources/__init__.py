"""Stage 1, sources: load the shop's feeds, set aside what breaks their contract, and keep one activity row per customer
and each customer's stock of consumables."""

from lifecycle_mail.sources.activity import rebuild_activity, record_engagement
from lifecycle_mail.sources.consent import (
    Withdrawal,
    lift_withdrawals,
    record_permission,
    take_birthdays,
    withdrawals_at,
)
from lifecycle_mail.sources.contract import Column, Feed
from lifecycle_mail.sources.erasure import Erasure, address_of, erase_address, erase_customer, holders_of
from lifecycle_mail.sources.loading import is_loaded_since, is_loading, load_feeds
from lifecycle_mail.sources.newest import silence, silent_feeds
from lifecycle_mail.sources.reports import FeedCounts, LoadReport
from lifecycle_mail.sources.supply import rebuild_supplies, settle_supplies

__all__ = [
    "Column",
    "Erasure",
    "Feed",
    "FeedCounts",
    "LoadReport",
    "Withdrawal",
    "address_of",
    "erase_address",
    "erase_customer",
    "holders_of",
    "is_loaded_since",
    "is_loading",
    "lift_withdrawals",
    "load_feeds",
    "rebuild_activity",
    "rebuild_supplies",
    "record_engagement",
    "record_permission",
    "settle_supplies",
    "silence",
    "silent_feeds",
    "take_birthdays",
    "withdrawals_at",
]
