-- Decide every step that waits in a campaign whose series have all ended, each for the reason its series ended.
-- grain: one row; steps = steps decided
-- campaign text; now timestamptz
-- look-back: steps noticed since each lane's last decision
with waiting as (
    select
        step_due.step_due_id,
        step_due.enrollment_id,
        step_due.step,
        step_due.customer_id,
        step_due.due_at,
        step_due.lane,
        enrollment.ended_at,
        case when step_due.after_end then 'campaign_retired' else enrollment.end_reason end as end_reason,
        case when enrollment.is_holdout then 'holdout' else step_due.variant end as variant
    from journey.step_due
    inner join journey.enrollment on step_due.enrollment_id = enrollment.enrollment_id
    left join decision.progress on step_due.campaign = progress.campaign and step_due.lane = progress.lane
    where
        step_due.campaign = cast(:campaign as text)
        and step_due.step_due_id > coalesce(progress.last_step_due_id, 0)
),

decided as (
    insert into decision.decision (
        decided_at, as_of, enrollment_id, step, campaign, customer_id, variant, outcome, reason, due_at, detail
    )
    select
        cast(:now as timestamptz) as decided_at,
        cast(:now as timestamptz) as as_of,
        waiting.enrollment_id,
        waiting.step,
        cast(:campaign as text) as campaign,
        waiting.customer_id,
        waiting.variant,
        'skip' as outcome,
        waiting.end_reason as reason,
        waiting.due_at,
        jsonb_build_object('ended_at', waiting.ended_at) as detail
    from waiting
    order by waiting.step_due_id
    returning decision.decision_id
),

-- Both lanes come to the same step: a roll-up waits for a lane that is behind.
progressed as (
    insert into decision.progress (campaign, lane, last_step_due_id)
    select
        cast(:campaign as text) as campaign,
        lanes.lane,
        newest.step_due_id as last_step_due_id
    from (values (0), (1)) as lanes (lane)
    cross join (select max(waiting.step_due_id) as step_due_id from waiting) as newest
    where newest.step_due_id is not null
    on conflict (campaign, lane) do update set last_step_due_id = excluded.last_step_due_id
    returning progress.lane
)

select count(*) as steps
from decided
