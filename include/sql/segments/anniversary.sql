-- segment: anniversary
-- what: customers whose first purchase was on the day of as_of in their own time zone, years ago, or up to
--   lateness_days before that day. Who has bought nothing has the day of the sign-up. A cancelled order is no purchase.
--   29 February counts on the 28th in a year without it. Who tells no zone has that of the country, else the default
--   zone (source.recipient). One that PostgreSQL does not know counts as UTC.
-- grain: customer_id, occurrence (purchase or sign_up, and the year of the anniversary)
-- parameter: lateness_days: integer, days, default 2, 0 to 30, how long after the day a customer is still a member
-- look-back: all orders up to as_of
-- context: basis (purchase or sign_up), since_on (the first day), years, anniversary_on (the date of the anniversary)
with begun as (
    select
        c.customer_id,
        zone.name,
        case when o.first_order_at is null then 'sign_up' else 'purchase' end as basis,
        cast(coalesce(o.first_order_at, c.created_at) at time zone zone.name as date) as since_on,
        cast(cast(:as_of as timestamptz) at time zone zone.name as date) as today
    from source.recipient as c
    left join segment.orders_at(cast(:as_of as timestamptz)) as o on c.customer_id = o.customer_id
    left join pg_catalog.pg_timezone_names as known on split_part(c.zones, ' ', 1) = known.name
    cross join lateral (select coalesce(known.name, 'UTC') as name) as zone
    where
        c.erased_at is null
        and c.created_at <= cast(:as_of as timestamptz)
)

select
    b.customer_id,
    b.basis || ' ' || cast(cast(extract(year from b.anniversary_on) as integer) as text) as occurrence,
    cast(b.anniversary_on as timestamp) at time zone b.name as occurred_at,
    jsonb_build_object(
        'basis', b.basis,
        'since_on', b.since_on,
        'years', cast(extract(year from b.anniversary_on) - extract(year from b.since_on) as integer),
        'anniversary_on', b.anniversary_on
    ) as context
from (
    select
        begun.*,
        segment.next_birthday(begun.since_on, begun.today - cast(:lateness_days as integer)) as anniversary_on
    from begun
) as b
where
    b.anniversary_on <= b.today
    and extract(year from b.anniversary_on) > extract(year from b.since_on)
