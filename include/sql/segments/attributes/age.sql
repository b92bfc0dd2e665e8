-- attribute: age
-- what: whole years since the customer's birth, on the day of as_of where the customer is. Who was born on 29 February
--   is a year older on the 28th in a year without it. A birthday without a year tells no age
-- says: age is {}
-- type: number
-- unit: years
-- formula: this year less the year of birth; less 1 if this year's birthday is still ahead
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

born as (
    select
        c.customer_id,
        c.birthday,
        coalesce(zone.today, cast(cast(:as_of as timestamptz) at time zone 'UTC' as date)) as today
    from source.recipient as c
    left join zone on split_part(c.zones, ' ', 1) = zone.name
    where c.birthday >= date '0005-01-01'
),

aged as (
    select
        b.customer_id,
        b.birthday,
        b.today,
        cast(extract(year from b.today) - extract(year from b.birthday) as integer) as years
    from born as b
    where b.birthday <= b.today
)

select
    a.customer_id,
    a.years - case when cast(a.birthday + make_interval(years => a.years) as date) > a.today then 1 else 0 end as value
from aged as a
