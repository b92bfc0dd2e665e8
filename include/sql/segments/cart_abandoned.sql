-- segment: cart_abandoned
-- what: open carts with at least one line, as_of − max_age_days ≤ updated_at ≤ as_of − idle_minutes, that no order
--   closed: none of the customer with updated_at < ordered_at ≤ as_of, and none that names the cart since it was
--   created, also if a guest placed it. Cancelled orders and lines of quantity 0 do not count.
--   Only the latest state of a cart is stored, so at an as_of before its last change a cart is no member.
-- grain: customer_id, occurrence (<cart id>@<last change>)
-- parameter: idle_minutes: integer, minutes, default 60, 0 to 43200, time since the last change at least
-- parameter: max_age_days: integer, days of 24 hours, default 7, 1 to 365, time since the last change at most
-- look-back: max_age_days; for orders that name the cart, since it was created
-- context: cart_id, cart_url, item_count (lines in all), items: the ten lines of highest value, each with its currency,
--   its total, rounded as the currency is shown, and its name (null if the catalogue does not have the product),
--   totals (currency and total of all rounded lines, one per currency), currency and total (null if there are several).
--   A line is in its own currency, else the cart's, else its product's, else the customer's; null keeps six digits.
-- about: cart_id
-- moves: cart_id
with abandoned as (
    select
        k.*,
        c.currency as customer_currency
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
        and not exists (
            select 1 from source.orders as o
            where
                o.cart_id = k.cart_id
                and source.is_since(o.ordered_at, k.created_at)
                and o.ordered_at <= cast(:as_of as timestamptz)
                and o.status <> 'cancelled'
        )
),

lines as not materialized (
    select
        a.customer_id,
        a.cart_id,
        a.updated_at,
        a.url as cart_url,
        l.product_id,
        l.line_no,
        shown.*,
        jsonb_build_object(
            'product_id', l.product_id,
            'name', p.name,
            'quantity', trim_scale(l.quantity),
            'unit_price', trim_scale(l.unit_price),
            'total', trim_scale(shown.total),
            'currency', shown.currency,
            'url', p.url,
            'image_url', p.image_url
        ) as item
    from abandoned as a
    inner join source.cart_line as l on a.cart_id = l.cart_id
    left join source.product as p on l.product_id = p.product_id
    cross join
        lateral (
            select
                known.currency,
                round(l.quantity * l.unit_price, segment.currency_digits(known.currency)) as total
            from (select coalesce(l.currency, a.currency, p.currency, a.customer_currency) as currency) as known
        ) as shown
    where l.quantity > 0
),

-- Grouped by customer too, so that a few customers cost a few carts. Numbering the lines first costs a third more.
carts as (
    select
        lines.customer_id,
        lines.cart_id,
        lines.updated_at,
        lines.cart_url,
        count(*) as item_count,
        sum(lines.total) as total,
        min(lines.currency) as currency,
        coalesce(min(lines.currency) <> max(lines.currency), false)
        or count(lines.currency) not in (0, count(*)) as has_several,
        jsonb_agg(lines.item order by lines.total desc, lines.product_id asc, lines.line_no asc) as items
    from lines
    group by lines.customer_id, lines.cart_id, lines.updated_at, lines.cart_url
)

select
    c.customer_id,
    c.cart_id || '@' || replace(
        to_char(c.updated_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), '.000000Z', 'Z'
    ) as occurrence,
    c.updated_at as occurred_at,
    jsonb_build_object(
        'cart_id', c.cart_id,
        'cart_url', c.cart_url,
        'currency', case when not c.has_several then c.currency end,
        'item_count', c.item_count,
        'total', case when not c.has_several then trim_scale(c.total) end,
        'totals', case
            when c.has_several
                then (
                    select jsonb_agg(jsonb_build_object('currency', s.currency, 'total', s.total) order by s.currency)
                    from (
                        select
                            lines.currency,
                            trim_scale(sum(lines.total)) as total
                        from lines
                        where lines.cart_id = c.cart_id
                        group by lines.currency
                    ) as s
                )
            else jsonb_build_array(jsonb_build_object('currency', c.currency, 'total', trim_scale(c.total)))
        end,
        'items', case when c.item_count <= 10 then c.items else jsonb_path_query_array(c.items, '$[0 to 9]') end
    ) as context
from carts as c
