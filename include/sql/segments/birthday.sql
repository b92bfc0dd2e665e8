-- segment: birthday
-- what: customers whose birthday is the day of as_of in their own time zone, or at most days_before days ahead. When
--   the day is over, they are no members any more. 29 February counts on the 28th in a year without it. Who tells no
--   zone has that of the country, else the default zone (source.recipient). One that PostgreSQL does not know counts as
--   UTC. A customer is there from sign-up on.
-- grain: customer_id, occurrence (the year of the birthday)
-- parameter: days_before: integer, days, default 0, 0 to 60, how long before the day a customer becomes a member
-- look-back: none
-- context: month and day of the birthday, birthday_on (its date)
with near as (
    select
        c.customer_id,
        c.birthday,
        zone.name,
        cast(cast(:as_of as timestamptz) at time zone zone.name as date) as today
    from source.recipient as c
    left join pg_catalog.pg_timezone_names as known on split_part(c.zones, ' ', 1) = known.name
    cross join lateral (select coalesce(known.name, 'UTC') as name) as zone
    where
        c.erased_at is null
        and c.created_at <= cast(:as_of as timestamptz)
        -- No zone is a full day away from UTC, so most birthdays are left out before their zone is looked up.
        and segment.next_birthday(
            c.birthday, cast(cast(:as_of as timestamptz) at time zone 'UTC' - interval '24 hours' as date)
        ) <= cast(cast(:as_of as timestamptz) at time zone 'UTC' as date) + 1 + cast(:days_before as integer)
)

select
    n.customer_id,
    cast(cast(extract(year from next.birthday_on) as integer) as text) as occurrence,
    cast(next.birthday_on - cast(:days_before as integer) as timestamp) at time zone n.name as occurred_at,
    jsonb_build_object(
        'month', cast(extract(month from n.birthday) as integer),
        'day', cast(extract(day from n.birthday) as integer),
        'birthday_on', next.birthday_on
    ) as context
from near as n
cross join lateral (select segment.next_birthday(n.birthday, n.today) as birthday_on) as next
where next.birthday_on <= n.today + cast(:days_before as integer)
