"""The clock of leases: how long a claim holds is counted in it, by the claim, the worker and the request.

Below every stage.
"""

from __future__ import annotations

import time

_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def lease_seconds() -> float:
    """Return the seconds a lease is counted by: they go on while the machine sleeps, where the system can tell."""
    return time.clock_gettime(_CLOCK)
