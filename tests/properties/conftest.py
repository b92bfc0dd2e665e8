"""How Hypothesis works here: the same examples in each run of `make test`, and no file of its own."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, Phase, settings

PHASES = (Phase.explicit, Phase.generate)
"""Of a run that only has to find out whether a planted fault is caught."""

settings.register_profile(
    "repeatable",
    max_examples=25,
    deadline=None,
    derandomize=True,
    database=None,
    print_blob=True,
    # Each example takes a database: it is slow by nature, and empties what it uses before it begins.
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)
settings.register_profile("without shrinking", settings.get_profile("repeatable"), phases=PHASES)
settings.load_profile("without shrinking" if os.environ.get("PLANTED_FAULT") else "repeatable")
