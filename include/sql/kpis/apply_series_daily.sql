-- Add the changes to the counts of series: as they are stored now, less what they were before.
-- grain: one row per (day, campaign)
with looked_at as (
    select distinct kpi_outcome.enrollment_id
    from kpi_outcome
),

present as (
    select
        known.enrollment_id,
        known.campaign,
        min(known.day) as day,
        bool_or(known.converted_day is not null) as is_converted
    from looked_at
    inner join kpi.step_outcome as known
        on looked_at.enrollment_id = known.enrollment_id and known.delivered_day is not null
    group by known.enrollment_id, known.campaign
),

signed as (
    select
        present.day,
        present.campaign,
        present.is_converted,
        1 as sign
    from present
    union all
    select
        kpi_series.day,
        kpi_series.campaign,
        kpi_series.is_converted,
        -1 as sign
    from kpi_series
)

insert into kpi.series_daily as known (day, campaign, mailed, converted)
select
    signed.day,
    signed.campaign,
    sum(signed.sign) as mailed,
    coalesce(sum(signed.sign) filter (where signed.is_converted), 0) as converted
from signed
group by signed.day, signed.campaign
having sum(signed.sign) <> 0 or coalesce(sum(signed.sign) filter (where signed.is_converted), 0) <> 0
on conflict (day, campaign) do update
    set
        mailed = known.mailed + excluded.mailed,
        converted = known.converted + excluded.converted
