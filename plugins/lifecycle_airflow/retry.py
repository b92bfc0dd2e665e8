"""Which failures are worth another try: a database that is away, not a campaign file that is wrong."""

from __future__ import annotations

import datetime as dt

from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryRule

from lifecycle_airflow.run_window import RunWindowMissing
from lifecycle_mail import errors

WRONG_UNTIL_CHANGED = [
    errors.CampaignError,
    errors.DeliveryRefused,
    errors.FutureRefused,
    errors.IntakeAlarm,
    errors.KpiError,
    errors.PlanningOverdue,
    errors.SchemaOutOfDate,
    errors.SegmentError,
    errors.SendingStopped,
    errors.SettingsError,
    errors.TemplateError,
    RunWindowMissing,
]

RETRY_POLICY = ExceptionRetryPolicy(
    rules=[
        RetryRule(
            exception=list(WRONG_UNTIL_CHANGED),
            action=RetryAction.FAIL,
            reason="stays wrong until somebody changes it: no retry",
        ),
        RetryRule(
            exception=errors.DatabaseUnavailable,
            action=RetryAction.RETRY,
            retry_delay=dt.timedelta(minutes=2),
            reason="the warehouse may be back soon",
        ),
    ]
)
