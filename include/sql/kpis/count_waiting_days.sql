-- Count the waiting occurrences of these days again, by an index of only these. Equal counts are left alone. The index
-- is asked for more than a day, because a day of a zone may begin with an hour that comes twice.
-- grain: one row per (day, campaign, reason)
-- reporting_zone text: IANA zone of the days; as_of timestamptz: `now` of the roll-up
-- look-back: the occurrences that wait since these days
with counted as (
    select
        waiting_day.day,
        waiting_day.campaign,
        occurrence.reason,
        count(*) as occurrences,
        count(distinct occurrence.customer_id) as customers
    from kpi_waiting_day as waiting_day
    inner join journey.occurrence
        on
            waiting_day.campaign = occurrence.campaign
            and occurrence.fate = 'waiting'
            and occurrence.decided_at >= cast(waiting_day.day as timestamptz) - interval '24 hours'
            and occurrence.decided_at < cast(waiting_day.day as timestamptz) + interval '48 hours'
            and cast(occurrence.decided_at at time zone cast(:reporting_zone as text) as date) = waiting_day.day
    group by waiting_day.day, waiting_day.campaign, occurrence.reason
),

gone as (
    delete from kpi.waiting_daily
    using kpi_waiting_day as waiting_day
    where
        waiting_daily.day = waiting_day.day
        and waiting_daily.campaign = waiting_day.campaign
        and not exists (
            select 1
            from counted
            where
                counted.day = waiting_daily.day
                and counted.campaign = waiting_daily.campaign
                and counted.reason = waiting_daily.reason
        )
)

insert into kpi.waiting_daily as known (day, campaign, reason, occurrences, customers, as_of)
select
    counted.day,
    counted.campaign,
    counted.reason,
    counted.occurrences,
    counted.customers,
    cast(:as_of as timestamptz) as as_of
from counted
on conflict (day, campaign, reason) do update
    set
        occurrences = excluded.occurrences,
        customers = excluded.customers,
        as_of = excluded.as_of
    where (known.occurrences, known.customers) is distinct from (excluded.occurrences, excluded.customers)
