"""docs/campaigns.md: every campaign in words, from its file, its segment, and the demo's list of what is made up."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from demo_world import MADE_UP_FEEDS
from lifecycle_mail.campaigns import Campaign, read_campaigns, read_topics
from lifecycle_mail.campaigns.models import EndStep, EndSunset, Offer, Step
from lifecycle_mail.database import SQL_FOLDER
from lifecycle_mail.segments.registry import SegmentDefinition, definition
from lifecycle_mail.segments.rules import InSegment, RuleSegment, leaves
from lifecycle_mail.segments.sentences import sentence

INCLUDE = Path(__file__).resolve().parents[1]
_HEAD = """# Campaigns

Generated from `include/campaigns/*.yaml` and the segments that they name, by `make docs`: edit those files, not this
page. [What a change of a file means for series under way](campaign-changes.md) is a page of its own.

A **series** begins when a customer is in the segment with an occurrence that had none. Each step is decided once, with
a named reason. Times of a step count from the beginning of the series if nothing else is said. Below, a step is sent if
it is permitted, and if what stands under *only if* holds at the moment it is due.

| campaign | what for | mails | goal | in the demo |
|---|---|---|---|---|
"""
_GOAL_KEYS = frozenset({"event", "within_days", "target_rate", "begins", "until"})
_REAL_FEEDS = frozenset({"orders", "order_lines", "products", "offers"})
_TABLES = {
    "customer_activity": "orders", "orders": "orders", "order_line": "order_lines", "cart": "carts",
    "cart_line": "cart_lines",
}  # fmt: skip


def page() -> str:
    """Return the page."""
    topics = read_topics(INCLUDE / "topics.yaml")
    campaigns, _ = read_campaigns(INCLUDE / "campaigns", topics)
    ordered = sorted(campaigns, key=lambda one: one.campaign)
    rows = (_row(one) for one in ordered)
    return _HEAD + "".join(rows) + "".join(f"\n{_section(one)}" for one in ordered)


def _row(one: Campaign) -> str:
    cells = [
        f"[{one.campaign}](#{one.campaign})", _plain(one.description), str(len(one.mails)), _goal(one), _in_demo(one)
    ]  # fmt: skip
    return f"| {' | '.join(cells)} |\n"


def _section(one: Campaign) -> str:
    segment = definition(one.segment.name)
    lines = [
        f"## {one.campaign}", "", one.description, "",
        f"- **Trigger**: `{one.segment.name}`{_given(one.segment.parameters)}: {_who(segment)}",
        f"- **Planned**: `{one.schedule}` (UTC); again for the same customer after {_days(one.reenter_after_days)};"
        f" a newer occurrence: {one.newer_occurrence or 'supersede'}",
        f"- **Ends early**: {', '.join(f'`{word}`' for word in one.exit_on) or 'never'}",
        f"- **Goal**: {_goal(one)}",
        f"- **Topic** `{one.topic}`, priority {one.priority}, {_share(one.holdout)} held out,"
        f" {_window(one)}",
        f"- **In the demo**: {_in_demo(one)}",
        "", "| step | when | only if | what |", "|---|---|---|---|",
        *(_step(step.step, step.moment(), step) for step in one.steps),
        *_ends(one),
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def _who(segment: SegmentDefinition) -> str:
    text = sentence(segment.rules) if segment.rules is not None else segment.what
    return f"{_plain(text)}."


def _ends(one: Campaign) -> Iterator[str]:
    for word, actions in one.on_end.items():
        for action in actions:
            if isinstance(action, EndSunset):
                days = _days(action.sunset.days)
                yield f"| *sunset* | {days} after it {_ended(word)} | no sign of life | unsubscribed by policy |"
            else:
                yield _step(action.step, f"{action.moment()} after it {_ended(word)}", action)


def _ended(word: str) -> str:
    said = {"any": "ended", "completed": "was completed", "converted": "reached its goal"}
    return said.get(word, f"ended by `{word}`")


def _step(name: str, when: str, step: Step) -> str:
    return f"| {name} | {when} | {_conditions(step)} | {_what(step)} |"


def _conditions(step: Step) -> str:
    said = [f"{word} {_value(value)}".strip() for word, value in step.when.items()]
    said += [f"not {word} {_value(value)}".strip() for word, value in step.unless.items()]
    return "; ".join(said) or "–"


def _value(value: Any) -> str:
    if hasattr(value, "model_dump"):
        value = value.model_dump(mode="json", exclude_none=True, by_alias=True)
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_value(one)}" for key, one in value.items())
    return "" if value is True else str(value)


def _what(step: Step) -> str:
    parts = [f"mail `{step.template}`" if step.template else ""]
    if step.subject is not None:
        parts.append("with its second subject")
    if step.offer is not None:
        parts.append(_offer(step.offer))
    if step.recommend is not None:
        parts.append(f"recommends {step.recommend.what}")
    if step.variants:
        parts.append("variants " + ", ".join(f"{name} {_share(share)}" for name, share in step.variants.items()))
    if isinstance(step, EndStep) and step.alert:
        parts.append(f"alert `{step.alert}` for the team")
    return "; ".join(part for part in parts if part)


def _offer(offer: Offer) -> str:
    if offer.of is not None:
        return f"the offer of `{offer.of}` once more"
    if offer.percent is not None:
        given = f"{offer.percent:g} % off"
    elif offer.amount is not None:
        given = f"{offer.amount} {offer.currency} off"
    else:
        given = "free shipping" if offer.free_shipping else f"gift `{offer.gift}`"
    code = f"shared code `{offer.code}`" if offer.code else "personal code"
    return f"{given} for {offer.valid_hours:g} h, {code}"


def _goal(one: Campaign) -> str:
    goal = one.goal
    target = f", target {_share(goal.target_rate)}" if goal.target_rate is not None else ""
    of = {name: value for name, value in goal.model_dump(exclude_none=True).items() if name not in _GOAL_KEYS}
    link = f" ({_value(of)})" if of else ""
    return f"{goal.event}{link} within {_days(goal.within_days)}{target}"


def _window(one: Campaign) -> str:
    if one.send_window is None:
        return "at any hour"
    return f"{one.send_window.begins:%H:%M} to {one.send_window.ends:%H:%M} by the recipient's clock"


def _in_demo(one: Campaign) -> str:
    """Say whether the facts that bring customers in are real or made up in the demo."""
    feeds = set(_feeds(definition(one.segment.name)))
    made_up = sorted(feeds & MADE_UP_FEEDS)
    if made_up:
        return f"runs on made-up facts ({', '.join(made_up)})"
    return "runs on real purchases" if feeds & _REAL_FEEDS else "runs on made-up people"


def _feeds(segment: SegmentDefinition) -> Iterator[str]:
    """Yield the feeds that a segment reads."""
    if segment.rules is None:
        text = (SQL_FOLDER / "segments" / f"{segment.name}.sql").read_text(encoding="utf-8")
        tables = set(re.findall(r"\bsource\.([a-z_]+)", text))
        yield from (_TABLES.get(table, f"{table}s") for table in tables)
    else:
        yield from _feeds_of_rules(segment.rules)


def _feeds_of_rules(rules: RuleSegment) -> Iterator[str]:
    for rule in leaves(rules.rules):
        if isinstance(rule, InSegment):
            yield from _feeds(definition(rule.segment))
        else:
            yield from rule.asks.changes


def _given(parameters: Mapping[str, Any]) -> str:
    return f" ({', '.join(f'{name} {value}' for name, value in parameters.items())})" if parameters else ""


def _days(days: float) -> str:
    return f"{days:g} day" if days == 1 else f"{days:g} days"


def _share(share: float) -> str:
    return f"{share * 100:g} %"


def _plain(text: str) -> str:
    return text.strip().rstrip(".").replace("|", "\\|")

