"""Stage 7, events: loads what the provider reports, deduplicates it, folds it to first facts a message.

Reads export files and `message.message`; writes schema `event`. Messages are settled through
`lifecycle_mail.messages`, human activity through `lifecycle_mail.sources`, in the same transaction.
"""

from lifecycle_mail.events.erasing import ScrubReport, erase, scrub_files
from lifecycle_mail.events.ingesting import IngestReport, ingest

__all__ = ["IngestReport", "ScrubReport", "erase", "ingest", "scrub_files"]
