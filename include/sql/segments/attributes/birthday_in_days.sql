-- attribute: birthday_in_days
-- what: days until the customer's next birthday, counted in dates where the customer is; 0 on the day itself. 29
--   February is the 28th in a year without it
-- says: birthday is {} days ahead
-- type: number
-- unit: days
-- history: today
-- changes: customers, time
-- grain: customer_id
-- look-back: none before as_of; a customer's row is kept in its latest state only
with local as (
    select
        c.customer_id,
        c.birthday,
        cast(cast(:as_of as timestamptz) at time zone coalesce(known.name, 'UTC') as date) as today
    from source.recipient as c
    left join pg_catalog.pg_timezone_names as known on split_part(c.zones, ' ', 1) = known.name
    where c.birthday is not null
)

select
    l.customer_id,
    segment.next_birthday(l.birthday, l.today) - l.today as value
from local as l
