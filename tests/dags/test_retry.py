"""The retry policy: what may pass by itself is tried again, what stays wrong is not."""

from __future__ import annotations

import pytest
from airflow.sdk import RetryAction

from lifecycle_airflow.retry import RETRY_POLICY
from lifecycle_airflow.run_window import RunWindowMissing
from lifecycle_mail import errors


@pytest.mark.parametrize(
    "kind",
    [
        errors.CampaignError,
        errors.DeliveryRefused,
        errors.IntakeAlarm,
        errors.SchemaOutOfDate,
        errors.SegmentError,
        errors.SendingStopped,
        errors.SettingsError,
        errors.TemplateError,
        RunWindowMissing,
    ],
)
def test_what_stays_wrong_fails_at_once(kind: type[Exception]) -> None:
    """A wrong file, setting or key is not tried three times more."""
    assert RETRY_POLICY.evaluate(kind("x"), try_number=1, max_tries=4).action is RetryAction.FAIL


def test_a_database_that_is_away_is_tried_again() -> None:
    """The warehouse may be back in two minutes."""
    decision = RETRY_POLICY.evaluate(errors.DatabaseUnavailable("x"), try_number=1, max_tries=4)
    assert decision.action is RetryAction.RETRY
    assert decision.retry_delay is not None


@pytest.mark.parametrize("kind", [errors.FeedError, errors.EventsError, OSError])
def test_anything_else_goes_the_usual_way(kind: type[Exception]) -> None:
    """A file still being written, a network hiccup: three retries, further and further apart."""
    assert RETRY_POLICY.evaluate(kind("x"), try_number=1, max_tries=4).action is RetryAction.DEFAULT
