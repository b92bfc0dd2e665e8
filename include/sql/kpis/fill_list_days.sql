-- Give every day from the first movement to today, or to a later movement, a row; and no other day.
-- grain: one row per day
-- today date: reporting day of the run; as_of timestamptz: `now` of the roll-up
with span as (
    select
        min(list_movement.day) as first_day,
        greatest(max(list_movement.day), cast(:today as date)) as last_day
    from kpi.list_movement
),

outside as (
    delete from kpi.list_daily
    using span
    where span.first_day is null or list_daily.day not between span.first_day and span.last_day
)

insert into kpi.list_daily (day, as_of)
select
    cast(generate_series(span.first_day, span.last_day, interval '1 day') as date) as day,
    cast(:as_of as timestamptz) as as_of
from span
on conflict (day) do nothing
