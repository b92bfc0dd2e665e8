-- Step 2 of deciding: when a mail may go. Local hours depend on zones and due time alone, and a million steps have a
-- few hundred of those pairs.
-- grain: one row per zones and due time
-- now timestamptz; window_opens, window_closes, quiet_begins, quiet_ends local times (equal = the whole day, and no
-- quiet hours); max_lateness_hours hours; cap_period 'day' or 'week'
-- permitted_at: the first moment permitted from the due time on; sendable_at: from now on; expires_at: past it a mail
-- is stale; cap_from: the first local day of the period that the mail takes a place in; next_period_at: the first
-- moment permitted in the period after it; is_never: no hour is permitted in all zones of a customer who tells none
-- look-back: none
create temporary table hours on commit drop as
with pair as (
    select distinct
        due.zones,
        due.due_at
    from due
),

permitted as (
    select
        pair.zones,
        pair.due_at,
        decision.first_permitted(
            pair.due_at,
            pair.zones,
            cast(:window_opens as time),
            cast(:window_closes as time),
            cast(:quiet_begins as time),
            cast(:quiet_ends as time)
        ) as permitted_at,
        decision.first_permitted(
            greatest(pair.due_at, cast(:now as timestamptz)),
            pair.zones,
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
            date_trunc(
                cast(:cap_period as text), permitted.sendable_at at time zone split_part(permitted.zones, ' ', 1)
            ) as date
        ) as cap_from
    from permitted
),

next_period as (
    select
        timed.*,
        decision.first_permitted(
            cast(
                timed.cap_from + case when cast(:cap_period as text) = 'week' then 7 else 1 end as timestamp
            ) at time zone split_part(timed.zones, ' ', 1),
            timed.zones,
            cast(:window_opens as time),
            cast(:window_closes as time),
            cast(:quiet_begins as time),
            cast(:quiet_ends as time)
        ) as next_period_at
    from timed
)

select
    next_period.*,
    coalesce(next_period.sendable_at > next_period.expires_at, true) as is_stale,
    next_period.permitted_at is null as is_never,
    cast(next_period.sendable_at at time zone split_part(next_period.zones, ' ', 1) as date) as sendable_day,
    cast(next_period.next_period_at at time zone split_part(next_period.zones, ' ', 1) as date) as next_period_day
from next_period
