"""Stage 4, decisions: each due step gets one named answer, which is kept for ever.

Reads due steps, permission, suppression, caps and clocks; writes schema `decision`, append-only.
"""

from lifecycle_mail.decisions.conditions import require_rules
from lifecycle_mail.decisions.rules import (
    Answer,
    DecideCounts,
    answers,
    close,
    decide,
    rename_campaign,
    send_hours,
)

__all__ = ["Answer", "DecideCounts", "answers", "close", "decide", "rename_campaign", "require_rules", "send_hours"]
