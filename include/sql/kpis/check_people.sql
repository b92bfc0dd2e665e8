-- The counts of people are those of the people who are kept, and no arm has more converters than people.
-- grain: one row per offending experiment and arm
with kept as (
    select
        arm_unit.campaign,
        arm_unit.epoch,
        arm_unit.kind,
        arm_unit.step,
        arm_unit.arm,
        count(*) as units,
        count(arm_unit.converted_at) as converters
    from kpi.arm_unit
    group by arm_unit.campaign, arm_unit.epoch, arm_unit.kind, arm_unit.step, arm_unit.arm
),

counted as (
    select
        arm_count.campaign,
        arm_count.epoch,
        arm_count.kind,
        arm_count.step,
        arm_count.arm,
        sum(arm_count.units) as units,
        sum(arm_count.converters) as converters,
        bool_or(arm_count.converters > arm_count.units or arm_count.converters < 0) as is_impossible
    from kpi.arm_count
    group by arm_count.campaign, arm_count.epoch, arm_count.kind, arm_count.step, arm_count.arm
)

select
    coalesce(kept.campaign, counted.campaign) as campaign,
    coalesce(kept.epoch, counted.epoch) as epoch,
    coalesce(kept.kind, counted.kind) as kind,
    coalesce(kept.step, counted.step) as step,
    coalesce(kept.arm, counted.arm) as arm
from kept
full join counted
    on
        kept.campaign = counted.campaign
        and kept.epoch = counted.epoch
        and kept.kind = counted.kind
        and kept.step = counted.step
        and kept.arm = counted.arm
where
    (kept.units, kept.converters) is distinct from (counted.units, counted.converters)
    or counted.is_impossible
