-- Step 2 of deciding: when a mail may go. Local hours depend only on the zone and the due time, and a million steps
-- have only a few hundred such pairs.
-- grain: one row per zone and due time
-- now timestamptz; window_opens, window_closes, quiet_begins, quiet_ends local times (equal = the whole day, and no
-- quiet hours); max_lateness_hours hours; cap_period 'day' or 'week'
-- permitted_at: first permitted moment at or after the due time; sendable_at: first permitted moment at or after now;
-- expires_at: after it the mail is stale; cap_from: first local day of the period in which the mail takes a place;
-- next_period_at: first permitted moment of the next period
-- look-back: none
create temporary table hours on commit drop as
with pair as (
    select distinct
        due.zone,
        due.due_at
    from due
),

permitted as (
    select
        pair.zone,
        pair.due_at,
        decision.first_permitted(
            pair.due_at,
            pair.zone,
            cast(:window_opens as time),
            cast(:window_closes as time),
            cast(:quiet_begins as time),
            cast(:quiet_ends as time)
        ) as permitted_at,
        decision.first_permitted(
            greatest(pair.due_at, cast(:now as timestamptz)),
            pair.zone,
            cast(:window_opens as time),
            cast(:window_closes as time),
            cast(:quiet_begins as time),
            cast(:quiet_ends as time)
        ) as sendable_at
    from pair
),

timed as (
    select
        permitted.*,
        permitted.permitted_at + cast(:max_lateness_hours as double precision) * interval '1 hour' as expires_at,
        cast(
            date_trunc(cast(:cap_period as text), permitted.sendable_at at time zone permitted.zone) as date
        ) as cap_from
    from permitted
),

next_period as (
    select
        timed.*,
        decision.first_permitted(
            cast(
                timed.cap_from + case when cast(:cap_period as text) = 'week' then 7 else 1 end as timestamp
            ) at time zone timed.zone,
            timed.zone,
            cast(:window_opens as time),
            cast(:window_closes as time),
            cast(:quiet_begins as time),
            cast(:quiet_ends as time)
        ) as next_period_at
    from timed
)

select
    next_period.*,
    next_period.sendable_at > next_period.expires_at as is_stale,
    cast(next_period.sendable_at at time zone next_period.zone as date) as sendable_day,
    cast(next_period.next_period_at at time zone next_period.zone as date) as next_period_day
from next_period
