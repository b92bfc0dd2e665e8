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

from lifecycle_mail.campaigns import Campaign
from lifecycle_mail.database import refresh_statistics, run
from lifecycle_mail.errors import CampaignError


@dataclass(frozen=True)
class KnownStep:
    """One step by which series await; `is_gone`: the file lost it. `has_changed` is of the campaign."""

    after_hours: float
    is_gone: bool
    has_changed: bool


def steps_known(connection: Connection, campaign: str) -> dict[str | None, KnownStep]:
    """Return the steps that the campaign has or had; a lone None says that series await by none of them."""
    found = run(connection, "journeys/steps_known", campaign=campaign)
    return {row.step: KnownStep(row.after_hours, row.is_gone, row.has_changed) for row in found}


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
        added = {**given, "steps": json_of(changed), "first_name": first_name, "as_of": as_of}
        noted = run(connection, "journeys/note_added", **added).rowcount
        awaited = run(connection, "journeys/await_anew", **given, as_of=as_of).rowcount
        refresh_statistics(connection, "journey.step_due", noted)
        refresh_statistics(connection, "journey.upcoming", awaited)
    run(connection, "journeys/note_steps", **given, has_changed=bool(known))


def _agree(known: Mapping[str | None, KnownStep], campaign: Campaign) -> bool:
    present = {name: one.after_hours for name, one in known.items() if not one.is_gone}
    return present == {step.step: step.after_hours for step in campaign.steps}


def _is_news(known: Mapping[str | None, KnownStep], step: Mapping[str, Any]) -> bool:
    """Tell whether the file says of a step what it did not say before."""
    before = known.get(step["step"])
    return before is None or before.is_gone or before.after_hours != step["after_hours"]


def step_values(campaign: Campaign) -> list[dict[str, Any]]:
    """Return the steps as the SQL takes them: position, step, after_hours, variants with cumulative shares.

    Raises:
        CampaignError: a step is due by something that planning does not know yet.
    """
    for step, when in campaign.moments():
        if step not in campaign.steps or not step.is_fixed:
            raise CampaignError(f"campaign {campaign.campaign}: step {step.step} ({when}) cannot be planned yet")
    return [
        {
            "position": position,
            "step": step.step,
            "after_hours": step.after_hours,
            "variants": cumulative(step.variants),
        }
        for position, step in enumerate(campaign.steps)
    ]


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
