-- Add the changes to the counts of series: as they are stored now, less what they were before (kpi_series_before).
-- grain: one row per (day, campaign)
-- as_of timestamptz: `now` of the roll-up
with signed as (
    select
        kpi_series.day,
        kpi_series.campaign,
        kpi_series.is_converted,
        1 as sign
    from kpi_series
    union all
    select
        kpi_series_before.day,
        kpi_series_before.campaign,
        kpi_series_before.is_converted,
        -1 as sign
    from kpi_series_before
)

insert into kpi.series_daily as known (day, campaign, mailed, converted, as_of)
select
    signed.day,
    signed.campaign,
    sum(signed.sign) as mailed,
    coalesce(sum(signed.sign) filter (where signed.is_converted), 0) as converted,
    cast(:as_of as timestamptz) as as_of
from signed
group by signed.day, signed.campaign
having sum(signed.sign) <> 0 or coalesce(sum(signed.sign) filter (where signed.is_converted), 0) <> 0
on conflict (day, campaign) do update
    set
        mailed = known.mailed + excluded.mailed,
        converted = known.converted + excluded.converted,
        as_of = excluded.as_of
