"""The ledger of a warehouse as a marketer reads it, the table of a timeline.md, and how the two differ."""

from __future__ import annotations

import difflib
from dataclasses import astuple, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

HEAD = ("when", "who", "step", "outcome", "why")
LATEST = "at the end"


@dataclass(frozen=True, order=True)
class Line:
    """One line of a ledger: when (UTC), whom it is about, the step, what became of it, and why."""

    when: str
    who: str
    step: str
    outcome: str
    why: str

    def __str__(self) -> str:
        return f"| {' | '.join(astuple(self))} |"


def told(file: Path) -> list[Line]:
    """Return the table of a timeline.md.

    Raises:
        ValueError: it has no table with the columns of HEAD, or a row of another number of cells.
    """
    cells = [_cells(text) for text in file.read_text().splitlines() if text.startswith("|")]
    if not cells or tuple(cells[0]) != HEAD:
        raise ValueError(f"{file.name} has no table | {' | '.join(HEAD)} |")
    if wrong := [row for row in cells if len(row) != len(HEAD)]:
        raise ValueError(f"{file.name}: a row has {len(wrong[0])} cells instead of {len(HEAD)}: {wrong[0]}")
    return sorted(Line(*row) for row in cells[2:])


def _cells(text: str) -> list[str]:
    return [cell.strip() for cell in text.strip().strip("|").split("|")]


def difference(expected: list[Line], found: list[Line]) -> str:
    """Say what was told and did not happen (-), and what happened and was not told (+), among what agrees; empty if
    nothing differs."""
    if expected == found:
        return ""
    return "\n".join(
        line.rstrip()
        for line in difflib.ndiff([str(one) for one in expected], [str(one) for one in found])
        if not line.startswith("?")
    )


def ledger(connection: Connection, campaigns: list[str]) -> list[Line]:
    """Return everything that the campaigns did, in the order of a sorted table.

    The steps of the first campaign have their own names; those of the others are written campaign/step.
    """
    return sorted(_line(row, campaigns) for row in connection.execute(sa.text(_HAPPENED), {"campaigns": campaigns}))


def _line(row: Any, campaigns: list[str]) -> Line:
    step = row.step or ("" if row.campaign == campaigns[0] else "–")
    named = step if row.campaign == campaigns[0] else f"{row.campaign}/{step}"
    why = f"{row.why}: {_condition(row.condition)}" if row.condition else row.why or ""
    return Line(_when(row.happened_at), row.customer_id, named, row.outcome, why)


def _when(at: datetime | None) -> str:
    """Write a moment to the minute; None is the end of the world."""
    return LATEST if at is None else f"{at:%Y-%m-%d %H:%M}"


def _condition(condition: dict[str, Any]) -> str:
    """Write a condition that failed as the campaign file has it: unless opened: reminder."""
    ((clause, words),) = condition.items()
    return f"{clause} {_plain(words)}"


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{word}: {_plain(inner)}" for word, inner in value.items())
    if isinstance(value, list):
        return ", ".join(map(_plain, value))
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


# A mail that went when its step was decided is one line; one that waited has a line for the waiting too.
_HAPPENED = """
with series as (
    select
        enrollment.*,
        regexp_replace(enrollment.occurrence, '@.*', '') as thing
    from journey.enrollment
    where enrollment.campaign = any(:campaigns)
),

mails as (
    select message.*
    from message.message
    where message.campaign = any(:campaigns)
),

decided as (
    select
        decision.*,
        mails.accepted_at
    from decision.decision
    left join mails on decision.enrollment_id = mails.enrollment_id and decision.step = mails.step
    where decision.campaign = any(:campaigns)
)

select enrolled_at as happened_at, customer_id, campaign, null as step, 'begins' as outcome,
    thing || case when is_holdout then ', held out' when continues is not null then ', goes on' else '' end as why,
    cast(null as jsonb) as condition
from series
union all
select decided_at, customer_id, campaign, step,
    case when reason = 'held_out' then 'held out' else 'skipped' end,
    case when reason <> 'held_out' then reason || coalesce(' ' || nullif(detail ->> 'permission', ''), '')
        || coalesce(' ' || nullif(detail ->> 'suppression', ''), '') end,
    detail -> 'condition'
from decided
where outcome in ('skip', 'hold')
union all
select decided_at, customer_id, campaign, step, 'waits',
    reason || coalesce(' until ' || to_char(until at time zone 'UTC', 'YYYY-MM-DD HH24:MI'), ''), null
from decided
where outcome in ('send', 'defer') and accepted_at is distinct from decided_at
union all
select accepted_at, customer_id, campaign, step, 'sent', case when variant <> 'default' then variant end, null
from mails
where accepted_at is not null
union all
select coalesce(settled_at, planned_at), customer_id, campaign, step, state, reason, null
from mails
where accepted_at is null
union all
select ended_at, customer_id, campaign, null, 'ends', end_reason, null
from series
where ended_at is not null
union all
select decided_at, customer_id, campaign, null,
    case fate when 'joined' then 'joins' when 'taken_over' then 'goes on with newer' else 'not enrolled' end,
    regexp_replace(occurrence, '@.*', '') || coalesce(': ' || reason, ''), null
from journey.occurrence
where campaign = any(:campaigns) and fate <> 'enrolled'
union all
select ended_at, customer_id, campaign, null, 'part ends', regexp_replace(occurrence, '@.*', '') || ': ' || end_reason,
    null
from journey.occurrence
where
    campaign = any(:campaigns) and ended_at is not null
    and not exists (
        select 1 from series
        where series.enrollment_id = occurrence.enrollment_id and series.ended_at = occurrence.ended_at
    )
union all
select raised_at, customer_id, campaign, step, 'alert', word, null
from journey.alert
where campaign = any(:campaigns)
union all
select null, customer_id, campaign, null, 'reached the goal', goal_event, null
from (select distinct customer_id, campaign from kpi.step_outcome where accepted_converted_day is not null) as reached
inner join journey.campaign using (campaign)
where campaign = any(:campaigns)
"""
