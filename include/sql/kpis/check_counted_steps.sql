-- Every step is counted once: the counts of a day are those of the steps of that day.
-- grain: one row per offending (day, campaign, step, variant)
-- since timestamptz: only the days that roll-ups with this `now` or a later one wrote; -infinity = all days
-- look-back: the steps of these days
with day as (
    select distinct campaign_daily.day
    from kpi.campaign_daily
    where campaign_daily.as_of >= cast(:since as timestamptz)
),

judged as (
    select
        outcome.day,
        outcome.campaign,
        outcome.step,
        outcome.variant,
        count(outcome.each_day) as each_fact
    from kpi.step_outcome as outcome
    inner join day on outcome.day = day.day
    group by outcome.day, outcome.campaign, outcome.step, outcome.variant
),

counted as (
    select
        daily.day,
        daily.campaign,
        daily.step,
        daily.variant,
        daily.each_fact
    from kpi.campaign_daily as daily
    inner join day on daily.day = day.day
)

select
    coalesce(judged.day, counted.day) as day,
    coalesce(judged.campaign, counted.campaign) as campaign,
    coalesce(judged.step, counted.step) as step,
    coalesce(judged.variant, counted.variant) as variant
from judged
full join counted
    on
        judged.day = counted.day
        and judged.campaign = counted.campaign
        and judged.step = counted.step
        and judged.variant = counted.variant
where
    judged.day is null
    or coalesce(judged.each_fact, 0) <> coalesce(counted.each_fact, 0)
