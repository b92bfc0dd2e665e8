-- segment: birthday_this_month
-- what: customers whose birthday's month is the month of as_of in their own time zone. 29 February counts in
--   February every year. Who tells no zone has that of the country, else the default zone (source.recipient). One
--   that PostgreSQL does not know counts as UTC. A customer is there from sign-up on: before created_at there is no one
--   to congratulate.
-- grain: customer_id, occurrence (the year of as_of in the customer's zone)
-- look-back: none
-- context: month and day of the birthday, birthday_on (its date in that year; 28 February if there is no 29th)
with celebrating as (
    select
        c.customer_id,
        c.birthday,
        zone.name,
        cast(:as_of as timestamptz) at time zone zone.name as local_time
    from source.recipient as c
    left join pg_catalog.pg_timezone_names as known on split_part(c.zones, ' ', 1) = known.name
    cross join lateral (select coalesce(known.name, 'UTC') as name) as zone
    where
        c.erased_at is null
        and c.created_at <= cast(:as_of as timestamptz)
        -- No zone is a full day away from UTC, so most birthdays are left out before their zone is looked up.
        and extract(month from c.birthday) in (
            extract(month from cast(:as_of as timestamptz) at time zone 'UTC' - interval '24 hours'),
            extract(month from cast(:as_of as timestamptz) at time zone 'UTC' + interval '24 hours')
        )
)

select
    b.customer_id,
    cast(cast(extract(year from b.local_time) as integer) as text) as occurrence,
    date_trunc('month', b.local_time) at time zone b.name as occurred_at,
    jsonb_build_object(
        'month', cast(extract(month from b.birthday) as integer),
        'day', cast(extract(day from b.birthday) as integer),
        'birthday_on', segment.next_birthday(b.birthday, cast(date_trunc('month', b.local_time) as date))
    ) as context
from celebrating as b
where extract(month from b.birthday) = extract(month from b.local_time)
