"""Stage 8, kpis: the results by day, campaign, step and variant; rates are views.

Reads every earlier stage; writes schema `kpi`. docs/kpis.md says what each number means.
"""

from lifecycle_mail.kpis.identities import check, check_from, require_identities
from lifecycle_mail.kpis.outlook import Outlook, outlook
from lifecycle_mail.kpis.rolling_up import RollUpReport, rename_campaign, roll_up
from lifecycle_mail.kpis.timeline import Happening, timeline

__all__ = [
    "Happening",
    "Outlook",
    "RollUpReport",
    "check",
    "check_from",
    "outlook",
    "rename_campaign",
    "require_identities",
    "roll_up",
    "timeline",
]
