-- segment: new_subscriber
-- what: customers who confirmed in the last max_age_days that we may write to them, which they had not before, and who
--   never ordered. Who left and confirms again is new again. A cancelled order does not count.
-- grain: customer_id, occurrence (time of the confirmation)
-- parameter: max_age_days: integer, days of 24 hours, default 3, 1 to 30, time since the confirmation at most
-- look-back: the whole consent log and all orders up to as_of
-- context: confirmed_at, most_read (the topics that most people read in 30 days: topic, readers), proof (reviews of 365
--   days: how many, and how many good ones)
with said as (
    select
        p.customer_id,
        p.permission,
        p.permission_at,
        lag(p.permission) over (
            partition by p.customer_id
            order by
                p.permission_at asc,
                array_position(array['none', 'lifted', 'pending', 'confirmed', 'withdrawn'], p.permission) asc
        ) as before
    from source.permission_change as p
    where
        p.permission_at <= cast(:as_of as timestamptz)
        and p.customer_id in (
            select recent.customer_id
            from source.permission_change as recent
            where
                recent.permission = 'confirmed'
                and recent.permission_at <= cast(:as_of as timestamptz)
                and recent.permission_at
                > cast(:as_of as timestamptz) - cast(:max_age_days as integer) * interval '24 hours'
        )
),

confirmed as (
    select
        s.customer_id,
        max(s.permission_at) as confirmed_at
    from said as s
    where s.permission = 'confirmed' and s.before is distinct from 'confirmed'
    group by s.customer_id
)

select
    f.customer_id,
    at.text as occurrence,
    f.confirmed_at as occurred_at,
    jsonb_build_object(
        'confirmed_at', at.text,
        'most_read', (select segment.most_read(cast(:as_of as timestamptz))),
        'proof', (select segment.review_proof(cast(:as_of as timestamptz)))
    ) as context
from confirmed as f
inner join source.customer as c on f.customer_id = c.customer_id
cross join
    lateral (
        select
            replace(
                to_char(f.confirmed_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), '.000000Z', 'Z'
            ) as text
    ) as at
where
    c.erased_at is null
    and f.confirmed_at > cast(:as_of as timestamptz) - cast(:max_age_days as integer) * interval '24 hours'
    and not exists (
        select 1
        from source.orders as o
        where
            o.customer_id = f.customer_id
            and o.ordered_at <= cast(:as_of as timestamptz)
            and o.status <> 'cancelled'
    )
