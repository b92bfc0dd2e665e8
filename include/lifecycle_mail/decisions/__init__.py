"""Stage 4, decisions: one named answer to every due step, kept for ever.

Reads due steps, permission, suppression, caps and clocks; writes schema `decision`, append-only.
"""

from lifecycle_mail.decisions.rules import DecideCounts, close, decide, rename_campaign, send_hours

__all__ = ["DecideCounts", "close", "decide", "rename_campaign", "send_hours"]
