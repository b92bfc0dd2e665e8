-- Add the changes to the counts of people.
-- grain: one row per experiment, arm, eligibility and maturity
-- as_of timestamptz: `now` of the roll-up
insert into kpi.arm_count as known (
    campaign, epoch, kind, step, arm, is_eligible, is_matured, units, converters, as_of
)
select
    kpi_unit_delta.campaign,
    kpi_unit_delta.epoch,
    kpi_unit_delta.kind,
    kpi_unit_delta.step,
    kpi_unit_delta.arm,
    kpi_unit_delta.is_eligible,
    kpi_unit_delta.is_matured,
    kpi_unit_delta.units,
    coalesce(kpi_unit_delta.converters, 0) as converters,
    cast(:as_of as timestamptz) as as_of
from kpi_unit_delta
on conflict (campaign, epoch, kind, step, arm, is_eligible, is_matured) do update
    set
        units = known.units + excluded.units,
        converters = known.converters + excluded.converters,
        as_of = excluded.as_of
