-- Add the changes to the counts by the day on which facts happened.
-- grain: one row per (day, campaign, step, variant)
-- as_of timestamptz: `now` of the roll-up
insert into kpi.event_daily as known (
    day,
    campaign,
    step,
    variant,
    each_fact,
    as_of
)
select
    happened.day,
    kpi_delta.campaign,
    kpi_delta.step,
    kpi_delta.variant,
    coalesce(sum(kpi_delta.n) filter (where happened.fact = 'each_fact'), 0) as each_fact,
    cast(:as_of as timestamptz) as as_of
from kpi_delta
cross join
    lateral (
        values
        (kpi_delta.each_day, 'each_fact')
    ) as happened (day, fact)
where happened.day is not null
group by happened.day, kpi_delta.campaign, kpi_delta.step, kpi_delta.variant
having
    false
    or coalesce(sum(kpi_delta.n) filter (where happened.fact = 'each_fact'), 0) <> 0
on conflict (day, campaign, step, variant) do update
    set
        each_fact = known.each_fact + excluded.each_fact,
        as_of = excluded.as_of
