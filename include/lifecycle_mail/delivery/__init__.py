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
from lifecycle_mail.delivery.modes import require_default_zone, require_deliverable
from lifecycle_mail.delivery.pauses import (
    pause,
    paused_on_purpose,
    pauses,
    rename_campaign,
    resume,
    sentence,
    stops,
    sync_dag_pauses,
)
from lifecycle_mail.delivery.places import erase_places, forget_places
from lifecycle_mail.delivery.preview import MailOutlook, PreviewLine, outlook_of_mails, preview
from lifecycle_mail.delivery.reports import DeliveryReport
from lifecycle_mail.delivery.waiting import listed, waits
from lifecycle_mail.delivery.work import published_campaign
from lifecycle_mail.delivery.worker import deliver

__all__ = [
    "Approval",
    "DeliveryReport",
    "MailOutlook",
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
    "outlook_of_mails",
    "pause",
    "paused_on_purpose",
    "pauses",
    "preview",
    "published_campaign",
    "rename_campaign",
    "require_default_zone",
    "require_deliverable",
    "resume",
    "revoke",
    "sentence",
    "stops",
    "sync_dag_pauses",
    "waits",
]
