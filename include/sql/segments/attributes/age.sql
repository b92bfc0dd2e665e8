-- attribute: age
-- what: whole years since the customer's birth, on the day of as_of where the customer is. Who was born on 29 February
--   is a year older on the 28th in a year without it. A birthday without a year tells no age
-- says: age is {}
-- type: number
-- unit: years
-- formula: year of the next birthday after today, less the year of birth, less 1
-- history: today
-- changes: customers, time
-- grain: customer_id
-- look-back: none before as_of; a customer's row is kept in its latest state only
with born as (
    select
        c.customer_id,
        c.birthday,
        cast(cast(:as_of as timestamptz) at time zone coalesce(known.name, 'UTC') as date) as today
    from source.recipient as c
    left join pg_catalog.pg_timezone_names as known on split_part(c.zones, ' ', 1) = known.name
    where c.birthday >= date '0005-01-01'
)

select
    b.customer_id,
    extract(year from segment.next_birthday(b.birthday, b.today + 1)) - extract(year from b.birthday) - 1 as value
from born as b
where b.birthday <= b.today
