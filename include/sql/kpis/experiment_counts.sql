-- The people of each arm of each experiment whose goal is the campaign's present one, as results are computed from.
-- grain: one row per experiment and arm; an arm without people has zeros
-- goal_target_ratio: null = the campaign has no target
-- look-back: every epoch with the present goal
with present as (
    select distinct on (epoch.campaign)
        epoch.campaign,
        epoch.goal_event,
        epoch.goal_within_days
    from journey.epoch
    order by epoch.campaign asc, epoch.epoch desc
)

select
    experiment.campaign,
    experiment.kind,
    experiment.step,
    experiment.epoch,
    experiment.goal_event,
    campaign.goal_target_ratio,
    share.key as arm,
    cast(share.value as double precision) as share,
    coalesce(sum(counted.units) filter (where counted.is_matured and counted.is_eligible), 0) as units,
    coalesce(sum(counted.converters) filter (where counted.is_matured and counted.is_eligible), 0) as converters,
    coalesce(sum(counted.units) filter (where counted.is_matured), 0) as all_units,
    coalesce(sum(counted.converters) filter (where counted.is_matured), 0) as all_converters,
    coalesce(sum(counted.units) filter (where not counted.is_matured and counted.is_eligible), 0) as pending_units
from kpi.experiment
inner join present
    on
        experiment.campaign = present.campaign
        and experiment.goal_event = present.goal_event
        and experiment.goal_within_days = present.goal_within_days
left join journey.campaign on experiment.campaign = campaign.campaign
cross join lateral jsonb_each_text(experiment.shares) as share
left join kpi.arm_count as counted
    on
        experiment.campaign = counted.campaign
        and experiment.epoch = counted.epoch
        and experiment.kind = counted.kind
        and experiment.step = counted.step
        and share.key = counted.arm
group by
    experiment.campaign, experiment.kind, experiment.step, experiment.epoch, experiment.goal_event,
    campaign.goal_target_ratio, share.key, share.value
order by experiment.campaign, experiment.kind, experiment.step, experiment.epoch, share.key
