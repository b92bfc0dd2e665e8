"""`resend` written out: the same mail once more, with its second subject, to those it was sent to who did not open it.

    resend: {of: reminder, after_hours: 72}

is short for the `after`, `when`, `unless`, `template`, `subject` and `offer` that the engine knows anyway.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

AGAIN = "again"
NOT_RESENT = {"step", "after_hours", "after", "at", "on", "send_at", "when", "unless", "resend", "subject", "variants"}


def written_out(campaign: Any) -> Any:
    """Return the values of a campaign file without `resend`; what cannot be read is left as it is."""
    steps = campaign.get("steps") if isinstance(campaign, Mapping) else None
    if not isinstance(steps, list | tuple):
        return campaign
    known = {one["step"]: one for one in steps if isinstance(one, Mapping) and isinstance(one.get("step"), str)}
    return {**campaign, "steps": [_written_out(step, known) for step in steps]}


def _written_out(step: Any, known: Mapping[str, Mapping[str, Any]]) -> Any:
    resend = step.get("resend") if isinstance(step, Mapping) else None
    if not isinstance(resend, Mapping) or not isinstance(resend.get("of"), str) or "after_hours" not in resend:
        return step
    of = resend["of"]
    if known.get(of, {}).get("variants"):
        return step  # refused: its copy would be dealt again
    own = {key: value for key, value in step.items() if key != "resend"}
    same = {key: value for key, value in known.get(of, {}).items() if key not in NOT_RESENT}
    if same.get("offer"):
        same["offer"] = {"of": of}  # the code that the first mail showed
    return {
        "template": "unknown",  # replaced by that of the step; if there is no such step, the file is refused for that
        **same,
        "after": {"step": of, "hours": resend["after_hours"]},
        "subject": AGAIN,
        **own,
        "when": {"sent": of, **_mapping(step.get("when"))},
        "unless": {"opened": of, **_mapping(step.get("unless"))},
    }


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
