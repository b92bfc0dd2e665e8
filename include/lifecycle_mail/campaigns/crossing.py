"""What the keys of one file say about each other.

Each rule reads plain values, and passes over a value that it cannot read: the model refuses that one by itself. So all
that is wrong with a file is told at once, whatever else is wrong.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lifecycle_mail.campaigns.conditions import wrong_steps
from lifecycle_mail.words import CONDITIONS, words_of

Fault = tuple[tuple[Any, ...], str]
"""Where in the values, and what is wrong there."""

CROSSED = "crossed"  # the type of pydantic's error for a fault
RESERVED_VARIANTS = {"default", "holdout"}


def of_goal(goal: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield what is wrong between the keys of a goal."""
    begins, until = _date(goal.get("from")), _date(goal.get("until"))
    if begins and until and begins > until:
        yield (), f"`from` is later than `until`: {begins} is after {until}"


def of_step(step: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield what is wrong between the keys of a step."""
    variants = _mapping(step.get("variants"))
    shares = [_number(share) for share in variants.values()]
    readable = [share for share in shares if share is not None]
    if shares and len(readable) == len(shares) and abs(sum(readable) - 1) > 1e-9:
        yield ("variants",), f"the shares of variants add up to {sum(readable):g}: make them 1"
    for name in sorted(RESERVED_VARIANTS & set(variants)):
        yield ("variants", name), "'default' and 'holdout' are reserved: choose another variant name"


def of_topic(topic: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield what is wrong between the keys of a topic."""
    kind = topic.get("kind", "marketing")
    if kind == "transactional" and topic.get("cap"):
        yield ("cap",), "a transactional topic has no cap: remove it"
    if kind == "marketing" and "pending" in _sequence(topic.get("permissions")):
        yield ("permissions",), "marketing needs a confirmed permission: remove 'pending'"


def of_campaign(campaign: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield what is wrong between the keys of a campaign, its goal and its steps."""
    name, former = campaign.get("campaign"), campaign.get("renamed_from")
    if isinstance(name, str) and name in ([former] if isinstance(former, str) else _sequence(former)):
        yield ("renamed_from",), f"'{name}' is what it is called now: take it out"
    if campaign.get("join_ahead_days") is not None and campaign.get("newer_occurrence") != "join":
        yield (
            ("join_ahead_days",),
            "join_ahead_days is for newer_occurrence: join: write that, or remove join_ahead_days",
        )
    yield from _inside(("goal",), of_goal(_mapping(campaign.get("goal"))))
    steps = [_mapping(step) for step in _sequence(campaign.get("steps"))]
    for position, step in enumerate(steps):
        yield from _inside(("steps", position), of_step(step))
        yield from _inside(("steps", position), _between_steps(step, steps[:position]))


def _between_steps(step: Mapping[str, Any], before: Sequence[Mapping[str, Any]]) -> Iterator[Fault]:
    """Yield what is wrong with a step after the steps `before` it."""
    names = [one["step"] for one in before if isinstance(one.get("step"), str)]
    if step.get("step") in names:
        yield ("step",), "two steps have the same name: give each its own"
    hours, until_then = _number(step.get("after_hours")), [_number(one.get("after_hours")) for one in before]
    if hours is not None and any(one is not None and one > hours for one in until_then):
        yield ("after_hours",), "steps are not in the order of after_hours: sort them"
    for clause in ("when", "unless"):
        for word, value in _mapping(step.get(clause)).items():
            wrong = wrong_steps(word, value, before) if word in words_of(CONDITIONS) else ()
            yield from (((clause, word), one) for one in wrong)


def _inside(place: tuple[Any, ...], faults: Iterator[Fault]) -> Iterator[Fault]:
    return (((*place, *at), wrong) for at, wrong in faults)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _sequence(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else ()


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def _date(value: Any) -> dt.date | None:
    if isinstance(value, dt.datetime):
        return None
    if isinstance(value, dt.date):
        return value
    try:
        return dt.date.fromisoformat(value)
    except (TypeError, ValueError):
        return None
