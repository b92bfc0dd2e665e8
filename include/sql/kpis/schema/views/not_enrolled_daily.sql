-- Which occurrences have no series, and why. The ledger itself is read, so there is nothing to roll up.
create or replace view kpi.not_enrolled_daily as
select
    cast(
        occurrence.decided_at at time zone coalesce(
            (select progress.value from kpi.progress where progress.name = 'reporting_zone'), 'UTC'
        ) as date
    ) as day,
    occurrence.campaign,
    occurrence.reason,
    count(*) as occurrences,
    count(distinct occurrence.customer_id) as customers,
    max(occurrence.decided_at) as as_of
from journey.occurrence
where occurrence.fate = 'waiting'
group by 1, 2, 3;

comment on view kpi.not_enrolled_daily is
'Occurrences of members that have no series, one row per reporting day, campaign and reason.';
comment on column kpi.not_enrolled_daily.day is
'Reporting day (of the last roll-up''s zone) of the as_of since which the occurrence has no series for this reason.';
comment on column kpi.not_enrolled_daily.campaign is 'Campaign.';
comment on column kpi.not_enrolled_daily.reason is
'series_running: the customer is in a series of the campaign; reentered_too_soon: reenter_after_days are not over.';
comment on column kpi.not_enrolled_daily.occurrences is
'Occurrences. One that is enrolled later is not counted any more.';
comment on column kpi.not_enrolled_daily.customers is 'Distinct customers of these occurrences.';
comment on column kpi.not_enrolled_daily.as_of is 'Newest `as_of` at which planning found one of them.';
