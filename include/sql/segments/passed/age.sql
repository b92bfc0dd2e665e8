-- passed: age
-- what: customers who have their birthday on a date that it is or was anywhere between the refreshes
-- grain: customer_id
-- parameters: since, as_of timestamptz: the refresh before, and this one
-- look-back: none; every customer's birthday
with day as (
    select cast(extract(month from d.at) * 100 + extract(day from d.at) as integer) as number
    from generate_series(
        date_trunc('day', cast(:since as timestamptz) - interval '14 hours', 'UTC'),
        cast(:as_of as timestamptz) + interval '14 hours',
        interval '24 hours'
    ) as d (at)
)

-- Who was born on 29 February may have the birthday on the 28th.
select c.customer_id
from source.customer as c
where
    cast(extract(month from c.birthday) * 100 + extract(day from c.birthday) as integer) in (
        select day.number
        from day
        union all
        select 229 as number
        from day
        where day.number = 228
    )
