"""What became of each step: its decision, its mail, the one outcome of the mail, and when each fact happened."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from recompute.carts import Buyers
from recompute.events import heard
from recompute.facts import Facts, earliest, latest

Moment = dt.datetime | None
STILL_MOVING = {"planned", "claimed", "in_doubt"}


@dataclass
class Step:
    """One step of one series, as far as it is known."""

    enrollment_id: int
    step: str
    campaign: str
    customer_id: str
    variant: str
    decision: Any = None
    mail: Any = None
    heard: Any = None
    outcome: str | None = None
    first_seen_at: Moment = None
    accepted_at: Moment = None
    goal_until: Moment = None
    goal_reached_at: Moment = None
    credit_model: str | None = None
    credit_since: Moment = None
    credit_until: Moment = None
    facts: dict[str, Moment] = field(default_factory=dict)

    @property
    def state(self) -> str | None:
        return self.mail.state if self.mail else None

    @property
    def is_sent_or_silent(self) -> bool:
        """Delivered, or nothing was heard: not bounced and not dropped."""
        return self.outcome in ("delivered", "pending")


def steps_of(facts: Facts, buyers: Buyers) -> list[Step]:
    """Return every step that was ever decided, or that has a message."""
    final: dict[tuple[int, str], Any] = {}
    for decision in sorted(facts.rows("decision.decision"), key=lambda row: row.decision_id):
        final[decision.enrollment_id, decision.step] = decision
    mails = {(row.enrollment_id, row.step): row for row in facts.rows("message.message")}
    told = heard(facts)
    campaigns = {row.campaign: row for row in facts.rows("journey.campaign")}
    goals = _goals(facts, buyers)
    found = []
    for key in sorted({*final, *mails}):
        decision, mail = final.get(key), mails.get(key)
        whose = mail or decision
        step = Step(
            *key, whose.campaign, whose.customer_id, whose.variant, decision=decision, mail=mail, heard=told.get(key)
        )
        _judge(step, campaigns.get(step.campaign), goals)
        found.append(step)
    return found


def _judge(step: Step, campaign: Any, goals: dict[str, list[Any]]) -> None:
    step.first_seen_at = step.decision.decided_at if step.decision else step.mail.planned_at
    if step.state == "accepted":
        step.accepted_at = step.mail.accepted_at
        step.outcome = _outcome(step.heard)
    if step.accepted_at and campaign:
        step.goal_until = step.accepted_at + dt.timedelta(days=float(campaign.goal_within_days))
        if step.is_sent_or_silent:
            step.goal_reached_at = _goal(step, campaign, goals)
        _credit(step, campaign)
    step.facts = {name: moment(step) for name, (_, moment) in FACTS.items()}


def _outcome(heard: Any) -> str:
    """A hard bounce is final. Otherwise the latest of delivery, soft bounce and drop, in a tie the bounce. What a
    person or a machine did with a mail proves that it was delivered. Nothing heard is pending."""
    if heard is None:
        return "pending"
    if heard.bounced_hard_at:
        return "bounced_hard"
    soft = heard.last_bounced_soft_at
    arrived = latest(
        heard.last_delivered_at, heard.last_open_at, heard.first_machine_open_at, heard.last_click_at,
        heard.first_machine_click_at, heard.unsubscribed_at, heard.complained_at,
    )  # fmt: skip
    stopped = latest(soft, heard.dropped_at)
    if arrived and (stopped is None or arrived > stopped):
        return "delivered"
    if stopped is None:
        return "pending"
    return "bounced_soft" if soft == stopped else "dropped"


def _goals(facts: Facts, buyers: Buyers) -> dict[str, list[Any]]:
    """The facts that may reach a goal: (customer, moment, campaign, series or None) by the word of the goal. Whose an
    order is, the campaign decides."""
    orders = [one for one in facts.rows("source.orders") if one.status != "cancelled"]
    found = {
        "order": [
            (who, one.ordered_at, campaign.campaign)
            for one in orders
            for campaign in facts.rows("journey.campaign")
            for who in buyers.of(one.order_id, campaign.campaign)
        ],
        "reordered": [(who, moment, series) for series, who, moment in facts.bought_again()],
        "page_view": [(one.customer_id, one.viewed_at, None) for one in facts.rows("source.page_view")],
        "review": [(one.customer_id, one.reviewed_at, None) for one in facts.rows("source.review")],
        "offer_used": [
            (one.customer_id, one.redeemed_at, facts.called(one.campaign)) for one in facts.rows("source.offer")
        ],
    }
    return {word: [one for one in those if facts.has_happened(one[1])] for word, those in found.items()}


def _goal(step: Step, campaign: Any, goals: dict[str, list[Any]]) -> Moment:
    """The earliest fact that is the goal, from acceptance to the end of the window, both included."""
    if campaign.goal_event in ("open", "click"):
        moments = [_opened(step) if campaign.goal_event == "open" else step.heard and step.heard.first_click_at]
        return earliest(*(one for one in moments if one and one <= step.goal_until))
    return earliest(
        *(
            moment
            for who, moment, whose in goals[campaign.goal_event]
            if who == step.customer_id
            and whose in (None, step.campaign, step.enrollment_id)
            and step.accepted_at <= moment <= step.goal_until
        )
    )


def _credit(step: Step, campaign: Any) -> None:
    """Marketing mails that did not bounce take credit, from the touch that the campaign names."""
    if not campaign.is_marketing or not step.is_sent_or_silent:
        return
    touches = {
        "sent": step.accepted_at,
        "opened": _opened(step),
        "clicked": step.heard and step.heard.first_click_at,
    }
    since = touches[campaign.credit_model]
    if since:
        days = campaign.credit_within_days if campaign.credit_within_days is not None else campaign.goal_within_days
        step.credit_model, step.credit_since = campaign.credit_model, since
        step.credit_until = since + dt.timedelta(days=float(days))


def _opened(step: Step) -> Moment:
    """When a person first opened the mail. A click without an open opened it."""
    return step.heard and earliest(step.heard.first_open_at, step.heard.first_click_at)


def _skipped(step: Step) -> str | None:
    """Why no message was made: the reason of a skip."""
    is_skip = step.mail is None and step.decision.outcome == "skip"
    return step.decision.reason if is_skip else None


def _if(outcome: str, column: str) -> Callable[[Step], Moment]:
    return lambda step: getattr(step.heard, column) if step.outcome == outcome else None


def _has_clicked(step: Step) -> bool:
    """Whether a person clicked in the mail, and so it was delivered."""
    return step.outcome == "delivered" and step.heard.first_click_at is not None


def _delivered(step: Step) -> Moment:
    """When the mailbox took it; without that event, the first thing that proves it."""
    if step.outcome != "delivered":
        return None
    heard = step.heard
    return heard.delivered_at or earliest(
        heard.first_open_at, heard.first_machine_open_at, heard.first_click_at,
        heard.first_machine_click_at, heard.unsubscribed_at, heard.complained_at,
    )  # fmt: skip


FACTS: dict[str, tuple[str, Callable[[Step], Moment]]] = {
    "planned": ("planned_day", lambda step: step.first_seen_at if step.mail else None),
    "held_out": ("held_out_day", lambda step: step.first_seen_at if _skipped(step) == "held_out" else None),
    "skipped": ("skipped_day", lambda step: step.first_seen_at if _skipped(step) not in (None, "held_out") else None),
    "accepted": ("accepted_day", lambda step: step.accepted_at),
    "delivered": ("delivered_day", _delivered),
    "pending": ("pending_day", lambda step: step.accepted_at if step.outcome == "pending" else None),
    "openers": ("opened_day", lambda step: _opened(step) if step.outcome == "delivered" else None),
    "machine_openers": ("machine_opened_day", _if("delivered", "first_machine_open_at")),
    "clickers": ("clicked_day", _if("delivered", "first_click_at")),
    "machine_clickers": ("machine_clicked_day", _if("delivered", "first_machine_click_at")),
    "converters": ("converted_day", lambda step: step.goal_reached_at if step.outcome == "delivered" else None),
    "click_converters": ("click_converted_day", lambda step: step.goal_reached_at if _has_clicked(step) else None),
    "accepted_converters": ("accepted_converted_day", lambda step: step.goal_reached_at),
    "bounced_hard": ("bounced_hard_day", _if("bounced_hard", "bounced_hard_at")),
    "bounced_soft": ("bounced_soft_day", _if("bounced_soft", "last_bounced_soft_at")),
    "dropped": ("dropped_day", _if("dropped", "dropped_at")),
    "unsubscribed": ("unsubscribed_day", _if("delivered", "unsubscribed_at")),
    "complained": ("complained_day", _if("delivered", "complained_at")),
}
"""Each fact: its column of days, and when it happened to a step."""
