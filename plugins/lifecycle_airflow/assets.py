"""The assets that chain the DAGs: each says that a stage has something new, never what.

    load_sources → SOURCES      campaign__… → MESSAGES → deliver_messages
    (the job that drops export files) → EVENT_FILES → ingest_events → EVENTS → roll_up_kpis
    sync_suppressions → EVENTS
"""

from __future__ import annotations

from airflow.sdk import Asset

SOURCES = Asset("lifecycle_sources")
MESSAGES = Asset("lifecycle_messages")
EVENT_FILES = Asset("lifecycle_event_files")
EVENTS = Asset("lifecycle_events")
