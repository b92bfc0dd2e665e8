-- segment: cart_abandoned
-- what: open carts with at least one line, as_of − max_age_days ≤ updated_at ≤ as_of − idle_minutes, whose
--   customer has no order with updated_at < ordered_at ≤ as_of (a cancelled order does not count).
--   Only the latest state of a cart is stored, so at an as_of before its last change a cart is no member.
-- grain: customer_id, occurrence (<cart id>@<last change>)
-- parameter: idle_minutes: integer, minutes, default 60, 0 to 43200, time since the last change at least
-- parameter: max_age_days: integer, days of 24 hours, default 7, 1 to 365, time since the last change at most
-- look-back: max_age_days
-- context: cart_id, cart_url, currency (the customer's, else the one its products share, else null),
--   item_count (lines in all), total (of all lines), items: the ten lines of highest value
-- about: cart_id
with abandoned as (
    select
        k.customer_id,
        k.cart_id,
        k.updated_at,
        k.url,
        c.currency
    from source.cart as k
    inner join source.customer as c on k.customer_id = c.customer_id
    where
        k.status = 'open'
        and k.updated_at >= cast(:as_of as timestamptz) - cast(:max_age_days as integer) * interval '24 hours'
        and k.updated_at <= cast(:as_of as timestamptz) - cast(:idle_minutes as integer) * interval '1 minute'
        and c.erased_at is null
        and not exists (
            select 1 from source.orders as o
            where
                o.customer_id = k.customer_id
                and o.ordered_at > k.updated_at
                and o.ordered_at <= cast(:as_of as timestamptz)
                and o.status <> 'cancelled'
        )
)

-- One pass over the lines of all carts. They are grouped by customer too, so that a few customers cost a few carts.
select
    a.customer_id,
    a.cart_id || '@' || replace(
        to_char(a.updated_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), '.000000Z', 'Z'
    ) as occurrence,
    a.updated_at as occurred_at,
    jsonb_build_object(
        'cart_id', a.cart_id,
        'cart_url', a.url,
        'currency', coalesce(a.currency, case when min(p.currency) = max(p.currency) then min(p.currency) end),
        'item_count', count(*),
        'total', trim_scale(sum(l.quantity * l.unit_price)),
        -- PostgreSQL computes an aggregate written twice only once. Numbering the lines first costs a third more.
        'items', case
            when count(*) <= 10
                then jsonb_agg(
                    jsonb_build_object(
                        'product_id', l.product_id,
                        'name', coalesce(p.name, l.product_id),
                        'quantity', trim_scale(l.quantity),
                        'unit_price', trim_scale(l.unit_price),
                        'url', p.url,
                        'image_url', p.image_url
                    ) order by l.quantity * l.unit_price desc, l.product_id
                )
            else jsonb_path_query_array(
                jsonb_agg(
                    jsonb_build_object(
                        'product_id', l.product_id,
                        'name', coalesce(p.name, l.product_id),
                        'quantity', trim_scale(l.quantity),
                        'unit_price', trim_scale(l.unit_price),
                        'url', p.url,
                        'image_url', p.image_url
                    ) order by l.quantity * l.unit_price desc, l.product_id
                ), '$[0 to 9]'
            )
        end
    ) as context
from abandoned as a
inner join source.cart_line as l on a.cart_id = l.cart_id
left join source.product as p on l.product_id = p.product_id
group by a.customer_id, a.cart_id, a.updated_at, a.url, a.currency
