"""Stage 7, events: load what the provider reports, remove duplicates, fold it to the first facts of each message.

Reads export files, the provider's suppression lists and `message.message`; writes schema `event`. Messages are
settled through `lifecycle_mail.messages`, human activity through `lifecycle_mail.sources`, in the same
transaction.
"""

from lifecycle_mail.events.answers import has_new_answers
from lifecycle_mail.events.clicks import settle_clicks
from lifecycle_mail.events.erasing import (
    ScrubReport,
    erase,
    has_files,
    knows,
    scrub_answers,
    scrub_files,
    summarize_addresses,
)
from lifecycle_mail.events.groups import UnlistedGroup, unlisted_groups
from lifecycle_mail.events.health import event_alarms, list_alarms
from lifecycle_mail.events.hygiene import HygieneReport, tidy
from lifecycle_mail.events.ingesting import ingest
from lifecycle_mail.events.lifting import KINDS, LiftReport, lift
from lifecycle_mail.events.parsing import footer_links
from lifecycle_mail.events.renaming import regroup, rename_campaign, rename_topics
from lifecycle_mail.events.soft_bounces import Rest
from lifecycle_mail.events.suppression_sync import SyncReport, groups_of, pull, push
from lifecycle_mail.events.taking import IngestReport

__all__ = [
    "KINDS",
    "HygieneReport",
    "IngestReport",
    "LiftReport",
    "Rest",
    "ScrubReport",
    "SyncReport",
    "UnlistedGroup",
    "erase",
    "event_alarms",
    "footer_links",
    "groups_of",
    "has_files",
    "has_new_answers",
    "ingest",
    "knows",
    "lift",
    "list_alarms",
    "pull",
    "push",
    "regroup",
    "rename_campaign",
    "rename_topics",
    "scrub_answers",
    "scrub_files",
    "settle_clicks",
    "summarize_addresses",
    "tidy",
    "unlisted_groups",
]
