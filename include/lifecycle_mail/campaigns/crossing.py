"""What the keys of one file say about each other.

Each rule reads plain values, and passes over a value that it cannot read: the model refuses that one by itself. So all
that is wrong with a file is told at once, whatever else is wrong.
"""

from __future__ import annotations

import datetime as dt
import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lifecycle_mail.campaigns.conditions import wrong_steps
from lifecycle_mail.campaigns.resending import written_out
from lifecycle_mail.words import CONDITIONS, EXITS, words_of

Fault = tuple[tuple[Any, ...], str]
"""Where in the values, and what is wrong there."""

CROSSED = "crossed"  # the type of pydantic's error for a fault
OFFER_KINDS = ("percent", "amount", "free_shipping", "gift")
RESERVED_VARIANTS = {"default", "holdout"}
TIMINGS = ("after_hours", "after", "at", "on")
"""The keys that say when a step is due; a step has exactly one."""
ENDS = ("converted", "completed", "any")
"""What `on_end` knows besides exit words."""
NO_MAIL_AFTER = ("erased", "unsubscribed")
GOAL_EXITS = {"order": ("order", "reordered")}


def of_goal(goal: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield what is wrong between the keys of a goal."""
    begins, until = _date(goal.get("from")), _date(goal.get("until"))
    if begins and until and begins > until:
        yield (), f"`from` is later than `until`: {begins} is after {until}"


def of_step(step: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield what is wrong between the keys of a step."""
    given = [key for key in (*TIMINGS, "resend") if step.get(key) is not None]
    if not given:
        yield (), f"it does not say when it is due: write one of {', '.join(TIMINGS)}"
    for key in given[1:]:
        yield (key,), f"a step has {given[0]} or {key}, not both: remove one"
    yield from _of_variants(step)


def of_end_step(step: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield what is wrong between the keys of a step after the end of a series."""
    for key in (*TIMINGS[1:], "resend"):
        if step.get(key) is not None:
            yield (key,), "a step after the end counts from it: write after_hours"
    if step.get("after_hours") is None:
        yield (), "it does not say when it is due: write after_hours, which count from the end"
    if not step.get("template") and step.get("alert") is None:
        yield (), "it has neither a mail nor an alert: write template, alert, or both"
    yield from _of_variants(step)


def _of_variants(step: Mapping[str, Any]) -> Iterator[Fault]:
    variants = _mapping(step.get("variants"))
    shares = [_number(share) for share in variants.values()]
    readable = [share for share in shares if share is not None]
    if shares and len(readable) == len(shares) and abs(sum(readable) - 1) > 1e-9:
        yield ("variants",), f"the shares of variants add up to {sum(readable):g}: make them 1"
    for name in sorted(RESERVED_VARIANTS & set(variants)):
        yield ("variants", name), "'default' and 'holdout' are reserved: choose another variant name"
    if isinstance(step.get("offer"), Mapping):
        yield from _inside(("offer",), of_offer(step["offer"]))


def of_offer(offer: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield what is wrong between the keys of an offer."""
    given = [kind for kind in OFFER_KINDS if offer.get(kind) is not None]
    if offer.get("of") is not None:
        for key in sorted(offer.keys() - {"of"}):
            if offer[key] not in (None, False):
                yield (key,), f"the offer is that of step '{offer['of']}', which says its {key}: remove it"
        return
    if offer.get("valid_hours") is None:
        yield (), "it does not say how long it holds: add valid_hours"
    if len(given) != 1:
        yield (), f"an offer is one of {', '.join(OFFER_KINDS)}, not {' and '.join(given) or 'none'}: give one"
    priced = [name for name in ("amount", "minimum") if offer.get(name) is not None]
    if priced and offer.get("currency") is None:
        yield (priced[0],), f"{priced[0]} has no currency: add one, such as currency: EUR"
    if offer.get("currency") is not None and not priced:
        yield ("currency",), "no amount and no minimum is in this currency: remove it"
    if offer.get("codes") is not None and offer.get("code") is not None:
        yield ("code",), "personal codes and one shared code exclude each other: keep codes or code"


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
    out = [_mapping(step) for step in _sequence(written_out(campaign).get("steps"))]
    for position, step in enumerate(out):
        yield from _inside(("steps", position), of_step(step))
        wrong = list(_of_resend(steps[position], steps[:position]))
        yield from _inside(("steps", position), iter(wrong or _between_steps(step, out[:position])))
    yield from _of_ends(campaign, out)


def _of_ends(campaign: Mapping[str, Any], steps: Sequence[Mapping[str, Any]]) -> Iterator[Fault]:
    """Yield what is wrong with `on_end`."""
    event = _mapping(campaign.get("goal")).get("event", "order")
    goal = GOAL_EXITS.get(event, (event,)) if isinstance(event, str) else ()
    exits = [*_sequence(campaign.get("exit_on", ["unsubscribed"])), *_exits_that_always_apply()]
    before = list(steps)
    for word, said in _mapping(campaign.get("on_end")).items():
        if word in goal:
            yield ("on_end", word), f"'{word}' is the goal here: write converted"
        elif word not in ENDS and word not in exits and word in words_of(EXITS):
            yield ("on_end", word), f"no series ends so: add '{word}' to exit_on"
        entries = [(("on_end", word, place), _mapping(one)) for place, one in enumerate(_entries(said))]
        for at, step in entries:
            if "sunset" in step:
                continue
            yield from _inside(at, of_end_step(step))
            yield from _inside(at, _between_steps(step, before, of_series=False))
            if word in NO_MAIL_AFTER and step.get("template"):
                yield (*at, "template"), f"no mail goes to one who is {word}: remove it, or write an alert"
            before.append(step)


def _exits_that_always_apply() -> list[str]:
    return [name for name, word in words_of(EXITS).items() if word.always_applies]


def _between_steps(
    step: Mapping[str, Any], before: Sequence[Mapping[str, Any]], *, of_series: bool = True
) -> Iterator[Fault]:
    """Yield what is wrong with a step after the steps `before` it."""
    names = [one["step"] for one in before if isinstance(one.get("step"), str)]
    if step.get("step") in names:
        yield ("step",), "two steps have the same name: give each its own"
    if of_series:
        yield from _in_order(step, before, names)
    of = _mapping(step.get("offer")).get("of")
    if isinstance(of, str) and of not in [one.get("step") for one in before if one.get("offer")]:
        yield ("offer", "of"), f"no earlier step '{of}' has an offer: name one that has"
    for clause in ("when", "unless"):
        for word, value in _mapping(step.get(clause)).items():
            wrong = wrong_steps(word, value, before) if word in words_of(CONDITIONS) else ()
            yield from (((clause, word), one) for one in wrong)


def _in_order(
    step: Mapping[str, Any], before: Sequence[Mapping[str, Any]], names: Sequence[str]
) -> Iterator[Fault]:
    hours, until_then = _number(step.get("after_hours")), [_number(one.get("after_hours")) for one in before]
    if hours is not None and any(one is not None and one > hours for one in until_then):
        yield ("after_hours",), "steps are not in the order of after_hours: sort them"
    base = _mapping(step.get("after")).get("step")
    if isinstance(base, str) and base not in names:
        yield ("after", "step"), f"there is no earlier step '{base}'{_choice(base, names)}"


def _of_resend(step: Mapping[str, Any], before: Sequence[Mapping[str, Any]]) -> Iterator[Fault]:
    """Yield what is wrong with `resend`. A step with variants is not sent again: its copy would be dealt again."""
    base = _mapping(step.get("resend")).get("of")
    if not isinstance(base, str):
        return
    known = {one["step"]: one for one in before if isinstance(one.get("step"), str)}
    if base not in known:
        yield ("resend", "of"), f"there is no earlier step '{base}'{_choice(base, list(known))}"
    elif known[base].get("variants"):
        yield ("resend", "of"), f"'{base}' has variants: write the step out with after, when, unless and template"


def _choice(written: str, known: Sequence[str]) -> str:
    nearest = difflib.get_close_matches(written, known, n=1, cutoff=0.5)
    if nearest:
        return f": did you mean '{nearest[0]}'?"
    return f": choose one of {', '.join(known)}" if known else ": write after_hours"


def _entries(said: Any) -> Sequence[Any]:
    """Return what `on_end` has under a word: one entry, or a list of them."""
    return said if isinstance(said, list | tuple) else [said]


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
