"""The clock of leases. The claim, the worker and the request all count the time of a lease by it.

Below every stage.
"""

from __future__ import annotations

import time

_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def lease_seconds() -> float:
    """Return the seconds of the leases' clock. It goes on while the machine sleeps, if the system supports that."""
    return time.clock_gettime(_CLOCK)
