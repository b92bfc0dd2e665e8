"""When a step is due, as a campaign file says it: the shapes of `after`, `at`, `on`, `send_at` and `resend`."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from lifecycle_mail.campaigns.patterns import Name

LONGEST_STEP_HOURS = 24 * 366
Hours = Annotated[float, Field(ge=0, le=LONGEST_STEP_HOURS)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class AfterStep(_Strict):
    """Hours after the provider took the mail of an earlier step."""

    step: Name = Field(description="the earlier step")
    hours: Hours = Field(description="hours after the provider took its mail")


class AtMoment(_Strict):
    """Hours around a moment that the occurrence's context has, such as the beginning of a booking."""

    moment: Name = Field(description="key of the context that holds the moment")
    hours: float = Field(
        0, ge=-LONGEST_STEP_HOURS, le=LONGEST_STEP_HOURS, description="hours after that moment; before it if negative"
    )


class Resend(_Strict):
    """The mail of an earlier step once more, with its second subject, if it was sent and not opened."""

    of: Name = Field(description="the earlier step")
    after_hours: Hours = Field(description="hours after the provider took its mail")


class Sunset(_Strict):
    """How long after the end of its series a customer without a sign of life gets no marketing mail any more."""

    days: float = Field(gt=0, le=366, description="days of 24 hours after the last mail was delivered")


def local_time(value: Any) -> Any:
    """Refuse a time that YAML read as a number: YAML 1.1 reads an unquoted 21:00 as 1260."""
    if isinstance(value, int | float):
        raise ValueError('write the time in quotes, such as "10:00"')
    return value


def several(value: Any) -> Any:
    """Return one value as a list of one."""
    return value if isinstance(value, list | tuple) else [value]


LocalTime = Annotated[dt.time, BeforeValidator(local_time)]
Dates = Annotated[
    tuple[dt.date, ...],
    BeforeValidator(several, json_schema_input_type=dt.date | list[dt.date]),
    Field(min_length=1, max_length=100),
]
