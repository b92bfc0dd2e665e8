"""The steps of a campaign, by name, and what a changed file means for the series that are under way.

A series awaits the first step of the file that was not noted for it. What `journey.step` holds is what the series await
by. If the file says something else, its series follow before anything is noticed:

    new hours             they hold for every series that the step is still ahead of
    a new step            awaited if its moment is ahead; otherwise noted as `added_later`
    a step moved behind   the same: what had passed at the last run is `added_later`, and what passed since is due
    a step taken out      no longer awaited; noted as `step_gone` when nothing else of the series is left
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy.engine import Connection

from lifecycle_mail.campaigns import Campaign, Step
from lifecycle_mail.database import refresh_statistics, run, run_with

MOMENTS = {"step_moment": ("journeys/step_moment",)}
"""When steps are due that do not all count from the enrollment."""


@dataclass(frozen=True)
class KnownStep:
    """One step by which series await; `is_gone`: the file lost it. `has_changed` is of the campaign."""

    after_hours: float | None
    due: dict[str, Any] | None
    is_gone: bool
    has_changed: bool


def steps_known(connection: Connection, campaign: str) -> dict[str | None, KnownStep]:
    """Return the steps that the campaign has or had; a lone None says that series await by none of them."""
    found = run(connection, "journeys/steps_known", campaign=campaign)
    return {row.step: KnownStep(row.after_hours, row.due, row.is_gone, row.has_changed) for row in found}


def follow_steps(connection: Connection, campaign: Campaign, first_name: str, as_of: dt.datetime) -> None:
    """Let the series of `campaign` await what its file says now; unchanged steps are one look at a small table.

    The caller holds the campaign's lock.
    """
    known = steps_known(connection, campaign.campaign)
    if _agree(known, campaign):
        return
    given = {"campaign": campaign.campaign, "steps": steps_given(campaign)}
    if known:
        changed = [one for one in step_values(campaign) if _is_news(known, one)]
        added = {"campaign": campaign.campaign, "steps": json_of(changed), "first_name": first_name, "as_of": as_of}
        if campaign.is_fixed:
            noted = run(connection, "journeys/note_added", **added).rowcount
            awaited = run(connection, "journeys/await_anew", **given, as_of=as_of).rowcount
        else:
            noted = run_with(connection, "journeys/note_added_moment", MOMENTS, **added).rowcount
            again = {"campaign": campaign.campaign, "as_of": as_of, "first_step": campaign.steps[0].step}
            awaited = run(connection, "journeys/look_again", **again).rowcount
        refresh_statistics(connection, "journey.step_due", noted)
        refresh_statistics(connection, "journey.upcoming", awaited)
    run(connection, "journeys/note_steps", **given, has_changed=bool(known))


def _agree(known: Mapping[str | None, KnownStep], campaign: Campaign) -> bool:
    present = {name: (one.after_hours, one.due) for name, one in known.items() if not one.is_gone}
    return present == {one["step"]: (one["after_hours"], one["due"]) for one in step_values(campaign)}


def _is_news(known: Mapping[str | None, KnownStep], step: Mapping[str, Any]) -> bool:
    """Tell whether the file says of a step what it did not say before."""
    before = known.get(step["step"])
    return (
        before is None or before.is_gone or (before.after_hours, before.due) != (step["after_hours"], step["due"])
    )


def step_values(campaign: Campaign) -> list[dict[str, Any]]:
    """Return the steps as the SQL takes them: position, step, after_hours, variants with cumulative shares.

    `due` says when a step is due that does not simply count from the enrollment (journeys/step_moment).
    """
    ends = {step.step: word for word, step in campaign.end_steps}
    return [
        {
            "position": position,
            "step": step.step,
            "after_hours": step.after_hours if step.is_fixed and step.step not in ends else None,
            "variants": cumulative(step.variants),
            "due": _due(step, ends.get(step.step)),
        }
        for position, step in enumerate(campaign.every_step)
    ]


def _due(step: Step, end: str | None) -> dict[str, Any] | None:
    """Return when a step is due, as journeys/step_moment reads it; None = so many hours after the enrollment."""
    if step.is_fixed and end is None:
        return None
    said: dict[str, Any] = {}
    if step.after is not None:
        said = {"after": step.after.step, "hours": step.after.hours}
    elif step.at is not None:
        said = {"moment": step.at.moment, "hours": step.at.hours}
    elif step.on is not None:
        said = {"dates": [date.isoformat() for date in step.on]}
    else:
        said = {"after_hours": step.after_hours}
    if step.send_at is not None:
        said["send_at"] = step.send_at.isoformat(timespec="minutes")
    return said if end is None else {**said, "ends": [end]}


def steps_given(campaign: Campaign) -> str:
    """Return the steps as one JSON text: what statements take as `steps`."""
    return json_of(step_values(campaign))


def cumulative(shares: Mapping[str, float]) -> list[dict[str, Any]]:
    """Return the shares of variants as the SQL takes them: each variant with its upper bound."""
    total, arms = 0.0, []
    for variant, share in shares.items():
        total += share
        arms.append({"variant": variant, "up_to": total})
    if arms:
        arms[-1]["up_to"] = 1.0
    return arms


def json_of(value: Any) -> str:
    """Return a value as JSON text."""
    return orjson.dumps(value).decode()
