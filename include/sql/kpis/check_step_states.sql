-- Steps by what was decided and what became of them add up to the counts of their day.
-- grain: one row per offending (day, campaign, step, variant)
-- since timestamptz: only the days that roll-ups with this `now` or a later one wrote; -infinity = all days
with day as (
    select campaign_daily.day
    from kpi.campaign_daily
    where campaign_daily.as_of >= cast(:since as timestamptz)
    union
    select step_daily.day
    from kpi.step_daily
    where step_daily.as_of >= cast(:since as timestamptz)
),

told as (
    select
        ended.day,
        ended.campaign,
        ended.step,
        ended.variant,
        sum(ended.steps) filter (where ended.state <> '') as planned,
        sum(ended.steps) filter (where ended.state = '' and ended.decision_outcome = 'skip') as skipped,
        sum(ended.steps) filter (where ended.outcome <> '') as accepted,
        sum(ended.steps) filter (where ended.outcome = 'delivered') as delivered,
        sum(ended.steps) filter (where ended.outcome = 'pending') as pending,
        sum(ended.steps) filter (where ended.outcome = 'bounced_hard') as bounced_hard,
        sum(ended.steps) filter (where ended.outcome = 'bounced_soft') as bounced_soft,
        sum(ended.steps) filter (where ended.outcome = 'dropped') as dropped,
        min(ended.steps) as least_steps
    from kpi.step_daily as ended
    inner join day on ended.day = day.day
    group by ended.day, ended.campaign, ended.step, ended.variant
),

counted as (
    select daily.*
    from kpi.campaign_daily as daily
    inner join day on daily.day = day.day
)

select
    coalesce(told.day, counted.day) as day,
    coalesce(told.campaign, counted.campaign) as campaign,
    coalesce(told.step, counted.step) as step,
    coalesce(told.variant, counted.variant) as variant
from told
full join counted
    on
        told.day = counted.day
        and told.campaign = counted.campaign
        and told.step = counted.step
        and told.variant = counted.variant
where
    told.least_steps <= 0
    or coalesce(told.planned, 0) <> coalesce(counted.planned, 0)
    or coalesce(told.skipped, 0) <> coalesce(counted.skipped, 0) + coalesce(counted.held_out, 0)
    or coalesce(told.accepted, 0) <> coalesce(counted.accepted, 0)
    or coalesce(told.delivered, 0) <> coalesce(counted.delivered, 0)
    or coalesce(told.pending, 0) <> coalesce(counted.pending, 0)
    or coalesce(told.bounced_hard, 0) <> coalesce(counted.bounced_hard, 0)
    or coalesce(told.bounced_soft, 0) <> coalesce(counted.bounced_soft, 0)
    or coalesce(told.dropped, 0) <> coalesce(counted.dropped, 0)
