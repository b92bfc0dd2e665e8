"""Stage 8, kpis: the results by day, campaign, step and variant; rates are views.

Reads every earlier stage; writes schema `kpi`. docs/kpis.md says what each number means.
"""

from lifecycle_mail.kpis.identities import check
from lifecycle_mail.kpis.rolling_up import RollUpReport, roll_up
from lifecycle_mail.kpis.timeline import Happening, timeline

__all__ = ["Happening", "RollUpReport", "check", "roll_up", "timeline"]
