"""Stage 6, delivery: claim → commit → one request of up to 1,000 → record; reconcile what is in doubt.

Reads planned mails; writes schema `delivery`, and moves message states through `messages.states`. Its modules, in
order; each imports only those before it:

    modes, pauses, breakers, approvals   which mails may go at all
    work                                 the shells that have mails to go
    picking, places, rendering, claims   one claim
    recording, reports, reconciling      what an answer means for the mails, and what is settled before a run
    worker, preview, waiting             a run; what a run would do; why mails wait
"""

from lifecycle_mail.delivery.approvals import (
    Approval,
    Revocation,
    approvals,
    approve,
    approved_definition,
    changed_since_approval,
    revoke,
)
from lifecycle_mail.delivery.modes import require_deliverable
from lifecycle_mail.delivery.pauses import (
    pause,
    paused_on_purpose,
    pauses,
    resume,
    sentence,
    stops,
    sync_dag_pauses,
)
from lifecycle_mail.delivery.places import erase_places, forget_places
from lifecycle_mail.delivery.preview import PreviewLine, preview
from lifecycle_mail.delivery.reports import DeliveryReport
from lifecycle_mail.delivery.waiting import listed, waits
from lifecycle_mail.delivery.worker import deliver

__all__ = [
    "Approval",
    "DeliveryReport",
    "PreviewLine",
    "Revocation",
    "approvals",
    "approve",
    "approved_definition",
    "changed_since_approval",
    "deliver",
    "erase_places",
    "forget_places",
    "listed",
    "pause",
    "paused_on_purpose",
    "pauses",
    "preview",
    "require_deliverable",
    "resume",
    "revoke",
    "sentence",
    "stops",
    "sync_dag_pauses",
    "waits",
]
