-- attribute: birthday_in_days
-- what: days until the customer's next birthday, counted in dates where the customer is; 0 on the day itself. 29
--   February is the 28th in a year without it
-- says: birthday is {} ahead
-- type: number
-- unit: days
-- history: today
-- changes: customers, time
-- grain: customer_id
-- look-back: none before as_of; a customer's row is kept in its latest state only
--
-- The date is computed per zone, because per customer it costs most of the time.
with zone as materialized (
    select
        known.name,
        cast(cast(:as_of as timestamptz) at time zone known.name as date) as today
    from pg_catalog.pg_timezone_names as known
),

local as (
    select
        c.customer_id,
        c.birthday,
        coalesce(zone.today, cast(cast(:as_of as timestamptz) at time zone 'UTC' as date)) as today
    from source.recipient as c
    left join zone on split_part(c.zones, ' ', 1) = zone.name
    where c.birthday is not null
)

select
    l.customer_id,
    segment.next_birthday(l.birthday, l.today) - l.today as value
from local as l
