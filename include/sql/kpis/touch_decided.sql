-- Steps of a campaign decided since the last roll-up. Decisions are numbered in order within a campaign. If a run has
-- committed only one of its two lanes, record_progress.sql waits for the other.
-- grain: one row per (enrollment, step)
-- campaign text; later_than bigint: its last decision rolled up
-- look-back: decisions after the campaign's last one
insert into kpi_touched (
    enrollment_id, step, campaign, customer_id, variant, decision_id, decided_at, decision_outcome, decision_reason
)
select distinct on (fresh.enrollment_id, fresh.step)
    fresh.enrollment_id,
    fresh.step,
    fresh.campaign,
    fresh.customer_id,
    fresh.variant,
    fresh.decision_id,
    fresh.decided_at,
    fresh.outcome as decision_outcome,
    fresh.reason as decision_reason
from decision.decision as fresh
where fresh.campaign = cast(:campaign as text) and fresh.decision_id > cast(:later_than as bigint)
order by fresh.enrollment_id asc, fresh.step asc, fresh.decision_id desc
