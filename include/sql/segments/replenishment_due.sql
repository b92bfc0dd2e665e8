-- segment: replenishment_due
-- what: consumable products that are about to run out. Only the latest purchase per customer and product counts:
--   due = ordered_at + quantity × units_per_pack / daily_use − lead_days − delivery_days (missing
--   units_per_pack = 1, missing delivery_days = 0). A customer is a member while due ≤ as_of < due + lateness_days.
--   A purchase is an order, so lines of one product in one order add up. Lines of quantity 0, cancelled and refunded
--   orders do not count.
--   Products without a daily use go by the customer's own rhythm for their type: the median of the intervals
--   between orders of consumables of that type (3 or more) replaces quantity × units / daily use, counted
--   from the latest order of such a product. There is one row per type, with the slowest delivery of that order.
-- grain: customer_id, occurrence (<order id>/<line no>, by rhythm <product type>@<last purchase>)
-- parameter: lead_days: integer, days of 24 hours, default 3, 0 to 365, how long before run-out a mail is due
-- parameter: lateness_days: integer, days of 24 hours, default 7, 1 to 365, how long a due purchase stays due
-- look-back: all orders up to as_of
-- context: order_id, product_id and product_name (null by rhythm), product_type, ordered_at, quantity (packs),
--   runs_out_at, delivery_days (null = not known), url and image_url (null by rhythm), basis: declared or rhythm
-- about: product_id, product_type
-- moves: order_id, product_id
-- ahead: lead_days
--
-- The kept supply decides if as_of is not before its newest purchase and no purchase of the customer changed since it
-- was computed. For every other customer the facts up to as_of are read, by the same definition.
with unsettled as (
    select h.customer_id from source.supply_change as h
    union
    select s.customer_id from source.supply as s
    where s.newest_at > cast(:as_of as timestamptz)
),

due as (
    select
        s.customer_id,
        s.basis,
        s.item,
        s.order_id,
        s.line_no,
        s.ordered_at,
        s.quantity,
        s.runs_out_at,
        s.reorder_at
    from source.supply as s
    where
        s.reorder_at <= cast(:as_of as timestamptz) + cast(:lead_days as integer) * interval '24 hours'
        and s.reorder_at > cast(:as_of as timestamptz)
        + (cast(:lead_days as integer) - cast(:lateness_days as integer)) * interval '24 hours'
        and not exists (select 1 from unsettled as u where u.customer_id = s.customer_id)
    union all
    select
        f.customer_id,
        f.basis,
        f.item,
        f.order_id,
        f.line_no,
        f.ordered_at,
        f.quantity,
        f.runs_out_at,
        f.reorder_at
    from source.supply_at(cast(:as_of as timestamptz)) as f
    where
        f.customer_id = any(array(select u.customer_id from unsettled as u))
        and f.reorder_at <= cast(:as_of as timestamptz) + cast(:lead_days as integer) * interval '24 hours'
        and f.reorder_at > cast(:as_of as timestamptz)
        + (cast(:lead_days as integer) - cast(:lateness_days as integer)) * interval '24 hours'
)

select
    d.customer_id,
    case d.basis
        when 'declared' then d.order_id || '/' || d.line_no
        else d.item || '@' || replace(
            to_char(d.ordered_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), '.000000Z', 'Z'
        )
    end as occurrence,
    d.ordered_at as occurred_at,
    jsonb_build_object(
        'order_id', d.order_id,
        'product_id', p.product_id,
        'product_name', p.name,
        'product_type', case d.basis when 'declared' then p.product_type else d.item end,
        'ordered_at', replace(
            to_char(d.ordered_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), '.000000Z', 'Z'
        ),
        'quantity', trim_scale(d.quantity),
        'runs_out_at', replace(
            to_char(d.runs_out_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), '.000000Z', 'Z'
        ),
        'delivery_days', case d.basis
            when 'declared' then trim_scale(p.delivery_days)
            else trim_scale(round(nullif(extract(epoch from d.runs_out_at - d.reorder_at), 0) / 86400, 4))
        end,
        'url', p.url,
        'image_url', p.image_url,
        'basis', d.basis
    ) as context
from due as d
inner join source.customer as c on d.customer_id = c.customer_id
left join source.product as p on d.basis = 'declared' and d.item = p.product_id
where c.erased_at is null
