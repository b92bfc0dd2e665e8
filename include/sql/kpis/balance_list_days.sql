-- Carry the size of the list from day to day.
-- grain: one row per day
-- as_of timestamptz: `now` of the roll-up
with running as (
    select
        list_daily.day,
        list_daily.joined + list_daily.returned as gained,
        list_daily.unsubscribed + list_daily.bounced + list_daily.complained + list_daily.sunset
        + list_daily.withdrawn + list_daily.erased as lost
    from kpi.list_daily
),

balanced as (
    select
        running.day,
        sum(running.gained - running.lost) over (order by running.day) as closing,
        running.gained - running.lost as net
    from running
)

update kpi.list_daily
set
    opening = balanced.closing - balanced.net,
    closing = balanced.closing,
    as_of = cast(:as_of as timestamptz)
from balanced
where
    list_daily.day = balanced.day
    and (list_daily.opening, list_daily.closing)
    is distinct from (cast(balanced.closing - balanced.net as bigint), cast(balanced.closing as bigint))
