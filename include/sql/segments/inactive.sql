-- segment: inactive
-- what: customers with at least one activity whose last activity is at or before as_of − days.
--   Activity is an order that was not cancelled, a page view, a human open or a human click. Nothing else counts.
-- grain: customer_id, occurrence (time of the last activity: a customer who comes back and lapses again is new)
-- parameter: days: integer, days of 24 hours, default 90, 1 to 3650, silence that makes a member
-- look-back: all activity up to as_of
-- context: last_activity_at, days (whole days of silence at as_of), last_product_name
--   (line of highest value in the last order that was kept; null if there is none or no such product)
--
-- If as_of is not before the newest fact of the activity row, the row decides. For all other customers the facts up to
-- as_of are read. segment.last_activity_at reads them, and is a function, because with its look-ups written out
-- PostgreSQL could not run the statement in parallel. Nothing is materialized in between, so that joins are
-- hashed and a condition on customer_id reaches all of them.
with silent as (
    select
        c.customer_id,
        case
            when a.last_activity_at <= cast(:as_of as timestamptz) then a.last_activity_at
            else segment.last_activity_at(c.customer_id, cast(:as_of as timestamptz))
        end as last_activity_at
    from source.customer as c
    left join source.customer_activity as a on c.customer_id = a.customer_id
    where
        c.erased_at is null
        and (
            a.last_activity_at is null
            or a.last_activity_at > cast(:as_of as timestamptz)
            or a.last_activity_at <= cast(:as_of as timestamptz) - cast(:days as integer) * interval '24 hours'
        )
)

select
    s.customer_id,
    replace(
        to_char(s.last_activity_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), '.000000Z', 'Z'
    ) as occurrence,
    s.last_activity_at as occurred_at,
    jsonb_build_object(
        'last_activity_at', replace(
            to_char(s.last_activity_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), '.000000Z', 'Z'
        ),
        'days', cast(
            floor(extract(epoch from cast(:as_of as timestamptz) - s.last_activity_at) / 86400) as integer
        ),
        'last_product_name', (
            select p.name
            from (
                select o.order_id from source.orders as o
                where
                    o.customer_id = s.customer_id
                    and o.ordered_at <= cast(:as_of as timestamptz)
                    and o.status = 'placed'
                order by o.ordered_at desc, o.order_id desc
                limit 1
            ) as last_order
            inner join source.order_line as l on last_order.order_id = l.order_id
            inner join source.product as p on l.product_id = p.product_id
            order by l.quantity * l.unit_price desc, l.line_no
            limit 1
        )
    ) as context
from silent as s
where s.last_activity_at <= cast(:as_of as timestamptz) - cast(:days as integer) * interval '24 hours'
