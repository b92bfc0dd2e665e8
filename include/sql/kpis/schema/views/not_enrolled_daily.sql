-- Which occurrences have no series, and why.
create or replace view kpi.not_enrolled_daily as
select
    d.day,
    d.campaign,
    d.reason,
    d.occurrences,
    d.customers,
    d.as_of
from kpi.waiting_daily as d;

comment on view kpi.not_enrolled_daily is
'Occurrences of members that have no series, one row per reporting day, campaign and reason.';
comment on column kpi.not_enrolled_daily.day is
'Reporting day of the as_of since which the occurrence has no series for this reason.';
comment on column kpi.not_enrolled_daily.campaign is 'Campaign.';
comment on column kpi.not_enrolled_daily.reason is
'series_running: the customer is in a series of the campaign; reentered_too_soon: reenter_after_days are not over.';
comment on column kpi.not_enrolled_daily.occurrences is
'Occurrences. One that is enrolled later is not counted any more.';
comment on column kpi.not_enrolled_daily.customers is 'Distinct customers of these occurrences.';
comment on column kpi.not_enrolled_daily.as_of is '`now` of the roll-up that last wrote the row.';
