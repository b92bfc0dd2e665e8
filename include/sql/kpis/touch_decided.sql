-- Steps decided since the last roll-up. Decisions are numbered in order within a campaign. While
-- a run has committed one of its two lanes, record_progress.sql waits for the other.
-- grain: one row an (enrollment, step)
-- look-back: decisions after each campaign's watermark
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
from journey.campaign
left join kpi.progress on progress.name = 'decisions:' || campaign.campaign
inner join lateral (
    select decision.*
    from decision.decision
    where
        decision.campaign = campaign.campaign
        and decision.decision_id > coalesce(cast(progress.value as bigint), 0)
    offset 0
) as fresh on true
order by fresh.enrollment_id asc, fresh.step asc, fresh.decision_id desc
