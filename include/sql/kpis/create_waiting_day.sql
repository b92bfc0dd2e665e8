-- The days of each campaign on which occurrences began or ceased to wait since the last roll-up. The table is dropped
-- with the transaction.
-- grain: one row per (campaign, day)
-- reporting_zone text: IANA zone of the days; is_full boolean: every day on which any occurrence waits
-- look-back: none; everything if is_full
create temporary table kpi_waiting_day on commit drop as
select
    noted.campaign,
    cast(noted.decided_at at time zone cast(:reporting_zone as text) as date) as day
from kpi.waiting_change as noted
union
select
    occurrence.campaign,
    cast(occurrence.decided_at at time zone cast(:reporting_zone as text) as date) as day
from journey.occurrence
where occurrence.fate = 'waiting' and cast(:is_full as boolean)
