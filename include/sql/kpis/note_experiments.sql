-- Write which experiments there are: the holdout of each epoch, and its steps with variants.
-- grain: one row per campaign, epoch, kind and step
-- now timestamptz
-- look-back: every epoch
with epoch as (
    select
        epoch.*,
        lead(epoch.began_at) over (partition by epoch.campaign order by epoch.epoch) as ended_at
    from journey.epoch
),

experiment as (
    select
        epoch.campaign,
        epoch.epoch,
        'holdout' as kind,
        '' as step,
        jsonb_build_object('treated', 1 - epoch.holdout_ratio, 'held_out', epoch.holdout_ratio) as shares,
        epoch.began_at,
        epoch.ended_at,
        epoch.goal_event,
        epoch.goal_within_days
    from epoch
    where epoch.holdout_ratio > 0 and epoch.holdout_ratio < 1
    union all
    select
        epoch.campaign,
        epoch.epoch,
        'variant' as kind,
        step.key as step,
        step.value as shares,
        epoch.began_at,
        epoch.ended_at,
        epoch.goal_event,
        epoch.goal_within_days
    from epoch
    cross join jsonb_each(epoch.variants) as step
    where (select count(*) from jsonb_object_keys(step.value)) > 1
)

insert into kpi.experiment (
    campaign, epoch, kind, step, shares, started_at, ended_at, goal_event, goal_within_days, as_of
)
select
    experiment.campaign,
    experiment.epoch,
    experiment.kind,
    experiment.step,
    experiment.shares,
    experiment.began_at as started_at,
    experiment.ended_at,
    experiment.goal_event,
    experiment.goal_within_days,
    cast(:now as timestamptz) as as_of
from experiment
on conflict (campaign, epoch, kind, step) do update
    set
        shares = excluded.shares,
        started_at = excluded.started_at,
        ended_at = excluded.ended_at,
        goal_event = excluded.goal_event,
        goal_within_days = excluded.goal_within_days,
        as_of = excluded.as_of
