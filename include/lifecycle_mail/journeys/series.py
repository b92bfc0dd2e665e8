"""Enroll members, end series, and note the steps that have come due: three set-based operations per run.

Every function works for one campaign at one `as_of` under the campaign's lock, so that two runs of one
campaign take turns. Running the same `as_of` again changes nothing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, NamedTuple

import orjson
from sqlalchemy.engine import Connection, Engine

from lifecycle_mail.campaigns import Campaign, Topic
from lifecycle_mail.concurrency import PARALLEL_FROM_ROWS, exclusive_lock, run_in_parallel
from lifecycle_mail.database import lock, refresh_statistics, run, run_given, run_with, scalar
from lifecycle_mail.journeys.names import first_name_to_plan, name_of
from lifecycle_mail.journeys.occurrences import (
    PartExit,
    admit,
    end_shared_by_exit,
    follow,
    join_series,
    part_exits,
    supersede,
    write_waiting,
)
from lifecycle_mail.journeys.steps import MOMENTS, cumulative, follow_steps, json_of, step_values, steps_known
from lifecycle_mail.segments import segment_key

FIRST_EXIT = "journeys/first_exit"


@dataclass(frozen=True)
class EnrollCounts:
    """Series that ended first (completed, or by an exit), series begun, and series that a newer occurrence ended.

    Of occurrences without a series of their own: `joined` another's, `taken_over` = gave a series their context,
    `waiting` = have none, for a reason that is new.
    """

    ended: int
    enrolled: int
    superseded: int
    joined: int = 0
    taken_over: int = 0
    waiting: int = 0

    def counts(self) -> dict[str, int]:
        return asdict(self)


@dataclass(frozen=True)
class AdvanceCounts:
    """Steps that came due at the run's `as_of` and wait for their decision, and series that ended early."""

    steps_due: int
    exited: int

    def counts(self) -> dict[str, int]:
        return asdict(self)


def publish(engine: Engine, campaign: Campaign, topic: Topic) -> None:
    """Write the campaign's goal, exits, priority and attribution to `journey.campaign`, where later SQL reads them."""
    with engine.begin() as connection:
        lock(connection, f"campaign:{campaign.campaign}")
        first_name_to_plan(connection, campaign.campaign)
        run(
            connection,
            "journeys/publish",
            campaign=campaign.campaign,
            topic=topic.topic,
            is_marketing=topic.is_marketing,
            segment=_segment_of(campaign),
            goal_event=campaign.goal.event,
            goal_within_days=campaign.goal.within_days,
            goal_target_ratio=campaign.goal.target_rate,
            goal_from=campaign.goal.begins,
            goal_until=campaign.goal.until,
            credit_model=campaign.credit_model,
            credit_within_days=campaign.attribution.days,
            exit_on=list(campaign.exit_on),
            holdout_ratio=campaign.holdout,
            priority=campaign.priority,
            definition=orjson.dumps(campaign.definition()).decode(),
            definition_md5=campaign.definition_md5(),
        )


def rename_topics(connection: Connection, former: Sequence[str], present: Sequence[str]) -> None:
    """Give published campaigns the present names of their topics (`former` and `present` are parallel lists)."""
    run(connection, "journeys/rename_topics", former=list(former), present=list(present))


def rename_campaign(connection: Connection, former: str, present: str) -> None:
    """Give a campaign's series its present name; one that was published under it, without series, is forgotten."""
    run(connection, "journeys/forget_unused", campaign=present)
    run(connection, "journeys/rename_campaign", former=former, present=present)


def retire(connection: Connection, campaign: str, now: dt.datetime) -> int:
    """End every running series of a campaign as `campaign_retired`, and note every step that is left.

    Returns how many series it ended. The caller holds the campaign's lock; decisions follow (`decisions.close`).
    """
    steps, first_name = _last_steps(connection, campaign), name_of(connection, campaign).first_name
    ended = int(scalar(connection, "journeys/retire", campaign=campaign, now=now))
    _notice_due(connection, campaign, first_name, steps, now, is_over=True)
    return ended


def _last_steps(connection: Connection, campaign: str) -> list[dict[str, Any]]:
    """Return the steps by which series await, with the variants that were last published."""
    known = steps_known(connection, campaign)
    published = run(connection, "journeys/published", campaign=campaign).one()
    ends = [one for actions in published.definition.get("on_end", {}).values() for one in actions if "step" in one]
    steps = [*published.definition.get("steps", []), *ends]
    variants = {step["step"]: step.get("variants") or {} for step in steps}
    left = [(one.after_hours or 0.0, name) for name, one in known.items() if name is not None and not one.is_gone]
    return [
        {
            "position": position, "step": name, "after_hours": known[name].after_hours, "due": known[name].due,
            "variants": cumulative(variants.get(name, {})),
        }
        for position, (_, name) in enumerate(sorted(left))
    ]  # fmt: skip


def is_published(connection: Connection, campaign: str) -> bool:
    """Return whether mails of a campaign with this name may exist, even if its file is broken or gone."""
    return bool(scalar(connection, "journeys/is_published", campaign=campaign))


def enroll(engine: Engine, campaign: Campaign, as_of: dt.datetime) -> EnrollCounts:
    """End what is over at `as_of`, then begin a series for each member of the segment that may have one.

    Ending comes first, so that a customer whose series is complete can be enrolled in the same run.

    A customer has at most one running series per campaign. What a newer occurrence does meanwhile, the campaign says
    (`newer_occurrence`), and what became of it is in journey.occurrence_fate. Whether a customer is held out depends on
    campaign and customer alone, so a person is always on the same side. A series that goes on with a cart of another
    customer keeps the side of that one.
    """
    lock_name = f"campaign:{campaign.campaign}"
    with exclusive_lock(engine, lock_name):
        with engine.begin() as connection:
            first_name = first_name_to_plan(connection, campaign.campaign)
            follow_steps(connection, campaign, first_name, as_of)
            ended = _end_by_exit(connection, campaign, as_of)
            ended += int(scalar(connection, "journeys/complete", campaign=campaign.campaign, as_of=as_of))
            parts = _customers(connection, _segment_of(campaign))
            dealt = _Dealt(first_name, _note_epoch(connection, campaign, as_of))
        begun = run_in_parallel(engine, lock_name, parts, partial(_begin, campaign, dealt, as_of))
        enrolled = sum(part.enrolled for part in begun)
        _refresh_statistics(engine, enrolled, sum(part.steps for part in begun))
    sums = {name: sum(getattr(part, name) for part in begun) for name in _SUMMED}
    return EnrollCounts(ended=ended, enrolled=enrolled, **sums)


class _Dealt(NamedTuple):
    """By what customers are dealt: the campaign's first name, and the epoch of its shares."""

    first_name: str
    epoch: int


def _note_epoch(connection: Connection, campaign: Campaign, as_of: dt.datetime) -> int:
    """Return the number of the epoch in which series begin now. It is new if shares, variants or the goal changed."""
    return int(
        scalar(
            connection,
            "journeys/note_epoch",
            campaign=campaign.campaign,
            holdout_ratio=campaign.holdout,
            variants=orjson.dumps({step.step: step.variants for step in campaign.every_step if step.variants}).decode(),
            goal_event=campaign.goal.event,
            goal_within_days=campaign.goal.within_days,
            as_of=as_of,
        )
    )


class _Customers(NamedTuple):
    """A range of customers: from the first bound, included, to the second, excluded; None = no bound."""

    customer_from: str | None
    customer_before: str | None


_ALL = _Customers(None, None)


def _customers(connection: Connection, segment: str) -> list[_Customers]:
    """Return the ranges to enroll at the same time: two for a large segment."""
    found = run(connection, "journeys/middle_customer", segment=segment, many_rows=PARALLEL_FROM_ROWS)
    middle = found.scalar_one_or_none()
    if middle is None:
        return [_ALL]
    return [_Customers(None, middle), _Customers(middle, None)]


_SUMMED = ("superseded", "joined", "taken_over", "waiting")


@dataclass(frozen=True)
class _Begun:
    enrolled: int = 0
    steps: int = 0
    superseded: int = 0
    joined: int = 0
    taken_over: int = 0
    waiting: int = 0


def _begin(
    campaign: Campaign, dealt: _Dealt, as_of: dt.datetime, connection: Connection, customers: _Customers
) -> _Begun:
    """Begin the series of `customers`, and give every other occurrence of theirs its fate.

    create_candidate (whom to enroll), then what the campaign's `newer_occurrence` asks for (`occurrences`), then
    enroll, and write_waiting for those that are left.
    """
    entry = {"campaign": campaign.campaign, "segment": _segment_of(campaign), "as_of": as_of, **customers._asdict()}
    if customers != _ALL:
        run(connection, "journeys/hash_plans")
    candidates = run_given(connection, "journeys/create_candidate", entry).rowcount
    # A rehearsal enrolls all its parts, and also other campaigns, in the same transaction.
    begun = _begin_candidates(connection, campaign, dealt, entry, candidates) if candidates else _Begun()
    connection.exec_driver_sql("drop table candidate")
    return begun


def _begin_candidates(
    connection: Connection, campaign: Campaign, dealt: _Dealt, entry: dict[str, Any], candidates: int
) -> _Begun:
    connection.exec_driver_sql("analyze candidate")
    is_followed = follow(connection, campaign, entry)
    superseded, taken_over, joined = 0, 0, 0
    if campaign.supersedes:
        superseded, taken_over = supersede(connection, campaign, entry)
    if campaign.joins:
        admit(connection, campaign, entry)
    run(connection, f"journeys/enter_{'together' if campaign.joins else 'newest'}")
    begun = run_with(
        connection,
        "journeys/enroll",
        {"followed": ("journeys/followed" if is_followed else "journeys/none_followed",)},
        campaign=campaign.campaign,
        first_name=dealt.first_name,
        epoch=dealt.epoch,
        segment=entry["segment"],
        as_of=entry["as_of"],
        holdout_ratio=campaign.holdout,
        # Where occurrences join, `admit` has counted these days, per what they are about.
        reenter_after_days=None if campaign.joins else campaign.reenter_after_days,
        **_first_steps(campaign),
    ).one()
    connection.exec_driver_sql("drop view entering")
    if is_followed:
        _go_on(connection, campaign, dealt, entry)
    if campaign.joins:
        joined = join_series(connection, campaign, entry)
    settled = begun.enrolled == candidates
    waiting = 0 if settled else write_waiting(connection, entry)
    return _Begun(begun.enrolled, begun.steps, superseded, joined, taken_over, waiting)


def _go_on(connection: Connection, campaign: Campaign, dealt: _Dealt, entry: dict[str, Any]) -> None:
    """Note the steps of series that go on with one of another customer."""
    given = {**entry, "first_name": dealt.first_name, "steps": json_of(step_values(campaign))}
    given["looks_at_once"] = not campaign.is_fixed
    run_given(connection, "journeys/continue_series", given)
    connection.exec_driver_sql("drop table followed")


def _refresh_statistics(engine: Engine, enrolled: int, steps: int) -> None:
    with engine.begin() as connection:
        refresh_statistics(connection, "journey.enrollment", enrolled)
        refresh_statistics(connection, "journey.upcoming", enrolled)
        refresh_statistics(connection, "journey.step_due", steps)


def _segment_of(campaign: Campaign) -> str:
    return segment_key(campaign.segment.name, campaign.segment.parameters)


def advance(engine: Engine, campaign: Campaign, as_of: dt.datetime) -> AdvanceCounts:
    """End series whose exit happened by `as_of`, and note the steps due by then.

    Steps that are due at enrollment itself were noted with it; they are counted here too.
    """
    with engine.begin() as connection:
        lock(connection, f"campaign:{campaign.campaign}")
        first_name = first_name_to_plan(connection, campaign.campaign)
        follow_steps(connection, campaign, first_name, as_of)
        exited = _end_by_exit(connection, campaign, as_of)
        steps = _notice_due(connection, campaign.campaign, first_name, step_values(campaign), as_of)
        run(connection, "journeys/note_noticed", campaign=campaign.campaign, as_of=as_of)
        refresh_statistics(connection, "journey.step_due", steps)
        due = scalar(connection, "journeys/count_due", campaign=campaign.campaign, as_of=as_of)
    return AdvanceCounts(steps_due=due, exited=exited)


def _notice_due(
    connection: Connection, campaign: str, first_name: str, steps: list[dict[str, Any]], as_of: dt.datetime,
    *, is_over: bool = False,
) -> int:
    """Note the steps that came due by `as_of`, let their series wait for the next step, and return how many came due.

    Five statements: create_ready (the series), notice_due (their steps), notice_gone (steps that the file lost),
    await_next, await_nothing. Where steps do not all count from the enrollment, the first two are create_moment,
    notice_moment and create_ready_moment. `is_over`: the campaign ends, and no step stays ahead.
    """  # fmt: skip
    known = steps_known(connection, campaign)
    given = {
        "campaign": campaign, "first_name": first_name, "as_of": as_of, "steps": json_of(steps),
        "has_changed": any(one.has_changed for one in known.values()),
    }  # fmt: skip
    if any(step["due"] for step in steps):
        noticed = _notice_moments(connection, {**given, "is_over": is_over}, steps)
    else:
        run_given(connection, "journeys/create_ready", given)
        connection.exec_driver_sql("analyze ready")
        noticed = run_given(connection, "journeys/notice_due", given).rowcount
    if any(one.is_gone for one in known.values()):
        noticed += run_given(connection, "journeys/notice_gone", given).rowcount
    run(connection, "journeys/await_next")
    run(connection, "journeys/await_nothing")
    connection.exec_driver_sql("drop table ready")
    return noticed


def _notice_moments(connection: Connection, given: dict[str, Any], steps: list[dict[str, Any]]) -> int:
    """Note the due steps of a campaign whose steps do not all count from the enrollment; return how many."""
    end_step = next((step["step"] for step in steps if "ends" in (step["due"] or {})), None)
    asked = {name: given[name] for name in ("campaign", "as_of", "steps", "is_over")}
    run_with(connection, "journeys/create_moment", MOMENTS, **asked)
    connection.exec_driver_sql("analyze moment")
    noticed = run_given(connection, "journeys/notice_moment", given).rowcount
    run(connection, "journeys/create_ready_moment", as_of=given["as_of"], end_step=end_step)
    connection.exec_driver_sql("drop table moment")
    return noticed


def _end_by_exit(connection: Connection, campaign: Campaign, as_of: dt.datetime) -> int:
    """End series by an exit, and in shared series only the occurrences that it ends; return how many series ended."""
    put_in = {"first_exit": (FIRST_EXIT,), "exit_words": campaign.exit_files}
    asked = _exits_asked(campaign, as_of, None)
    ended = run_with(connection, "journeys/end_by_exit", put_in, **asked).scalar_one()
    return int(ended) + end_shared_by_exit(connection, campaign, asked)


@dataclass(frozen=True)
class Exit:
    """The fact that ends a running series: `reason` is what the fact says, `end_reason` what the series ends as."""

    reason: str
    end_reason: str
    exited_at: dt.datetime


def exit_of(connection: Connection, campaign: Campaign, customer_id: str, as_of: dt.datetime) -> Exit | None:
    """Return what planning would end the customer's running series with at `as_of`; None if nothing ends it."""
    asked = _exits_asked(campaign, as_of, customer_id)
    row = run_with(connection, FIRST_EXIT, {"exit_words": campaign.exit_files}, **asked).one_or_none()
    if row is not None:
        return Exit(row.reason, row.end_reason, row.exited_at)
    return _exit_of_parts(part_exits(connection, campaign, customer_id, as_of), asked["goal_facts"])


def _exit_of_parts(parts: list[PartExit], goals: list[str]) -> Exit | None:
    """Return what ends a shared series: it ends with its last occurrence."""
    if not parts or parts[-1].reason is None or parts[-1].exited_at is None:
        return None
    reason = parts[-1].reason
    return Exit(reason, "converted" if reason in goals else reason, parts[-1].exited_at)


def _exits_asked(campaign: Campaign, as_of: dt.datetime, customer_id: str | None) -> dict[str, Any]:
    """Return what journeys/first_exit binds; `customer_id` None = every running series of the campaign."""
    return {
        "campaign": campaign.campaign,
        "topic": campaign.topic,
        "as_of": as_of,
        "goal_facts": goal_facts(campaign.goal.event),
        "customer_id": customer_id,
    }


def goal_facts(goal_event: str) -> list[str]:
    """Return the exit words that are the goal itself. They end a series as `converted`."""
    return ["order", "reordered"] if goal_event == "order" else [goal_event]


def _first_steps(campaign: Campaign) -> dict[str, Any]:
    """Return the steps due at enrollment and the first step after them, in the form that enroll.sql takes."""
    steps = step_values(campaign)
    if not campaign.is_fixed:  # the same run looks at the steps
        return {"due_steps": "[]", "next_step": steps[0]["step"], "next_after_hours": 0.0}
    later = [step for step in steps if step["after_hours"] > 0]
    return {
        "due_steps": json_of([step for step in steps if step["after_hours"] <= 0]),
        "next_step": later[0]["step"] if later else None,
        "next_after_hours": later[0]["after_hours"] if later else None,
    }


def raise_alerts(connection: Connection, campaign: Campaign, now: dt.datetime) -> int:
    """Write the alerts of the steps that deciding has judged in this transaction; return how many are new."""
    alerts = {step.step: step.alert for _, step in campaign.end_steps if step.alert is not None}
    if not alerts:
        return 0
    given = {"campaign": campaign.campaign, "now": now, "alerts": json_of(alerts)}
    return run(connection, "journeys/raise_alerts", **given).rowcount


def erase_contexts(connection: Connection, customer_id: str) -> int:
    """Empty the snapshots of an erased customer's series, in the caller's transaction; return how many."""
    return run(connection, "journeys/erase_contexts", customer_id=customer_id).rowcount
