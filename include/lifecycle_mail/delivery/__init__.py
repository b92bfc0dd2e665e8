"""Stage 6, delivery: claim → commit → one request of up to 1,000 → record; reconcile what is in doubt.

Reads planned mails; writes schema `delivery`, and moves message states through `messages.states`.
"""

from lifecycle_mail.delivery.claims import erase_places, forget_places
from lifecycle_mail.delivery.modes import require_deliverable
from lifecycle_mail.delivery.pauses import (
    approve,
    pause,
    paused_on_purpose,
    pauses,
    resume,
    sentence,
    stops,
    sync_dag_pauses,
)
from lifecycle_mail.delivery.preview import PreviewLine, preview
from lifecycle_mail.delivery.waiting import waits
from lifecycle_mail.delivery.worker import DeliveryReport, deliver

__all__ = [
    "DeliveryReport",
    "PreviewLine",
    "approve",
    "deliver",
    "erase_places",
    "forget_places",
    "pause",
    "paused_on_purpose",
    "pauses",
    "preview",
    "require_deliverable",
    "resume",
    "sentence",
    "stops",
    "sync_dag_pauses",
    "waits",
]
