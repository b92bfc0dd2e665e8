-- Opening plus those who came less those who left is closing. Closing is the next day's opening. No size is negative.
-- grain: one row per offending day
with day as (
    select
        list_daily.*,
        lag(list_daily.closing, 1, cast(0 as bigint)) over (order by list_daily.day) as closing_before,
        lag(list_daily.day) over (order by list_daily.day) as day_before
    from kpi.list_daily
)

select day.day
from day
where
    day.opening + day.joined + day.returned - day.unsubscribed - day.bounced - day.complained - day.sunset
    - day.withdrawn - day.erased <> day.closing
    or day.opening <> day.closing_before
    or day.day <> day.day_before + 1
    or least(
        day.opening, day.joined, day.returned, day.unsubscribed, day.bounced, day.complained, day.sunset,
        day.withdrawn, day.erased, day.closing
    ) < 0
