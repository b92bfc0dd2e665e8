"""When a campaign is stopped automatically: pure rules over its recent numbers."""

from __future__ import annotations

import pytest

from lifecycle_mail.campaigns import Limits
from lifecycle_mail.delivery.breakers import Outcomes, verdict

LIMITS = Limits(complaint_rate=0.003, bounce_rate=0.05, rejection_rate=0.05, minimum=200)


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        (Outcomes(1000, 0, 3, 0), None),
        (Outcomes(1000, 0, 4, 0), "complaint rate 0.40% (4 of 1000) is above 0.30%"),
        (Outcomes(1000, 0, 0, 50), None),
        (Outcomes(1000, 0, 0, 51), "bounce rate 5.10% (51 of 1000) is above 5.00%"),
        (Outcomes(190, 10, 0, 0), None),
        (Outcomes(180, 20, 0, 0), "rejection rate 10.00% (20 of 200) is above 5.00%"),
        (Outcomes(199, 0, 199, 199), None),
        (Outcomes(0, 0, 0, 0), None),
    ],
)
def test_limits_are_passed_only_above_them_and_only_with_enough_mails(
    outcomes: Outcomes, expected: str | None
) -> None:
    """A rate equal to its limit passes; below `minimum` mails nothing is judged."""
    assert verdict(outcomes, LIMITS) == expected
