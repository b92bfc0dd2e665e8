-- First decisions of a campaign since the last roll-up. If a step was decided before that too, its unit is stored, and
-- keeps its first decision. Decisions about what the file lost or got too late, or another customer got, say
-- nothing of the person.
-- grain: one row per (enrollment, step)
-- campaign text; later_than bigint: its last decision rolled up
-- look-back: decisions after the campaign's last one
insert into kpi_first (enrollment_id, step, variant, decided_at, as_of, decision_id, is_eligible)
select distinct on (fresh.enrollment_id, fresh.step)
    fresh.enrollment_id,
    fresh.step,
    fresh.variant,
    fresh.decided_at,
    fresh.as_of,
    fresh.decision_id,
    fresh.outcome in ('send', 'defer')
    or fresh.reason in ('held_out', 'alert_raised', 'stale', 'no_common_hours', 'capped', 'lower_priority')
        as is_eligible
from decision.decision as fresh
where
    fresh.campaign = cast(:campaign as text)
    and fresh.decision_id > cast(:later_than as bigint)
    and fresh.reason not in ('added_later', 'step_gone', 'already_sent')
order by fresh.enrollment_id asc, fresh.step asc, fresh.decision_id asc
