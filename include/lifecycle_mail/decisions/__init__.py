"""Stage 4, decisions: each due step gets one named answer, which is kept for ever.

Reads due steps, permission, suppression, caps and clocks; writes schema `decision`, append-only.
"""

from lifecycle_mail.decisions.rules import DecideCounts, decide, send_hours

__all__ = ["DecideCounts", "decide", "send_hours"]
