"""Stage 7, events: load what the provider reports, remove duplicates, fold it to the first facts of each message.

Reads export files, the provider's suppression lists and `message.message`; writes schema `event`. Messages are
settled through `lifecycle_mail.messages`, human activity through `lifecycle_mail.sources`, in the same
transaction.
"""

from lifecycle_mail.events.erasing import ScrubReport, erase, has_files, scrub_files, summarize_addresses
from lifecycle_mail.events.ingesting import ingest
from lifecycle_mail.events.renaming import rename_campaign, rename_topics
from lifecycle_mail.events.suppression_sync import SyncReport, pull, push
from lifecycle_mail.events.taking import IngestReport

__all__ = [
    "IngestReport",
    "ScrubReport",
    "SyncReport",
    "erase",
    "has_files",
    "ingest",
    "pull",
    "push",
    "rename_campaign",
    "rename_topics",
    "scrub_files",
    "summarize_addresses",
]
