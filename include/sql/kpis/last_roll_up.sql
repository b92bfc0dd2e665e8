-- `now` of the last roll-up, and whether it was the first one of its reporting day.
-- grain: one row, or none if there was no roll-up
-- reporting_zone text: IANA zone of the days
select
    last_one.rolled_up_at,
    not exists (
        select 1
        from kpi.roll_up as earlier
        where
            earlier.roll_up_id < last_one.roll_up_id
            and cast(earlier.rolled_up_at at time zone cast(:reporting_zone as text) as date)
            = cast(last_one.rolled_up_at at time zone cast(:reporting_zone as text) as date)
    ) as is_first_of_day
from kpi.roll_up as last_one
order by last_one.roll_up_id desc
limit 1
