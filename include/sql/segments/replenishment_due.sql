-- segment: replenishment_due
-- what: consumable products about to run out. For each customer and product the latest purchase alone counts:
--   due = ordered_at + quantity × units_per_pack / daily_use − lead_days − delivery_days (missing
--   units_per_pack = 1, missing delivery_days = 0); member while due ≤ as_of < due + lateness_days.
--   A purchase is an order, so lines of one product in one order add up; lines of no quantity do not count.
--   Products without a daily use go by the customer's own rhythm for their type: the median of the intervals
--   between orders of consumables of that type (3 or more) stands for quantity × units / daily use, counted
--   from the latest order of such a product; one row a type, the slowest delivery of that order.
-- grain: customer_id, occurrence (<order id>/<line no>, by rhythm <product type>@<last purchase>)
-- parameter: lead_days: integer, days of 24 hours, default 3, 0 to 365, how long before run-out a mail is due
-- parameter: lateness_days: integer, days of 24 hours, default 7, 1 to 365, how long a due purchase stays due
-- look-back: all orders up to as_of
-- context: product_id and product_name (null by rhythm), product_type, ordered_at, quantity (packs),
--   runs_out_at, url and image_url (null by rhythm), basis: declared or rhythm
--
-- Durations are reckoned in whole microseconds, and a supply is at most 36,500 days. Orders are numbered by
-- customer and time first, so that the million lines behind them are grouped and sorted by small integers
-- instead of texts: `place` orders one customer's purchases, `type_no` stands for a product type.
with pack as (
    select
        p.product_id,
        p.name,
        p.product_type,
        p.url,
        p.image_url,
        coalesce(nullif(p.units_per_pack, 0), 1) / nullif(p.daily_use, 0) as days,
        coalesce(p.delivery_days, 0) as delivery_days
    from source.product as p
    where p.is_consumable
),

type_by_rhythm as (
    select
        k.product_type,
        cast(row_number() over (order by k.product_type) as integer) as type_no,
        max(k.delivery_days) as delivery_days
    from pack as k
    where k.product_type is not null and k.days is null
    group by k.product_type
),

placed as materialized (
    select
        o.order_id,
        o.customer_id,
        o.ordered_at,
        cast(dense_rank() over (order by o.customer_id) as integer) as customer_no,
        cast(row_number() over (order by o.customer_id, o.ordered_at, o.order_id) as integer) as place
    from source.orders as o
    inner join source.customer as c on o.customer_id = c.customer_id
    where
        o.ordered_at <= cast(:as_of as timestamptz)
        and o.status <> 'cancelled'
        and c.erased_at is null
),

latest as (
    select
        l.product_id,
        max(o.place) as place
    from source.order_line as l
    inner join placed as o on l.order_id = o.order_id
    inner join pack as k on l.product_id = k.product_id
    where l.quantity > 0 and k.days is not null
    group by o.customer_no, l.product_id
),

declared as (
    select
        o.customer_id,
        o.order_id,
        o.ordered_at,
        l.product_id,
        min(l.line_no) as line_no,
        sum(l.quantity) as quantity
    from latest as t
    inner join placed as o on t.place = o.place
    inner join source.order_line as l on o.order_id = l.order_id and t.product_id = l.product_id
    where l.quantity > 0
    group by o.customer_id, o.order_id, o.ordered_at, l.product_id
),

type_line as (
    select
        y.type_no,
        o.customer_no,
        o.place,
        k.days is null as by_rhythm,
        date_part('epoch', o.ordered_at) as seconds
    from source.order_line as l
    inner join placed as o on l.order_id = o.order_id
    inner join pack as k on l.product_id = k.product_id
    inner join type_by_rhythm as y on k.product_type = y.product_type
    where l.quantity > 0
),

type_purchase as (
    select
        i.type_no,
        i.customer_no,
        i.place,
        i.by_rhythm,
        i.seconds - lag(i.seconds) over this_type as seconds_since,
        lag(i.place) over this_type is distinct from i.place as is_first_line
    from type_line as i
    window this_type as (partition by i.customer_no, i.type_no order by i.place)
),

rhythm as (
    select
        h.type_no,
        max(h.place) filter (where h.by_rhythm) as place,
        percentile_cont(0.5) within group (order by h.seconds_since) filter (where h.is_first_line) as seconds
    from type_purchase as h
    group by h.customer_no, h.type_no
    having count(*) filter (where h.is_first_line) >= 3
),

bought as (
    select
        d.customer_id,
        d.order_id || '/' || d.line_no as occurrence,
        d.ordered_at,
        d.quantity,
        d.product_id,
        k.product_type,
        k.delivery_days,
        'declared' as basis,
        least(d.quantity * k.days, 36500) * 86400000000 as microseconds
    from declared as d
    inner join pack as k on d.product_id = k.product_id
    union all
    select
        o.customer_id,
        y.product_type || '@' || replace(
            to_char(o.ordered_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), '.000000Z', 'Z'
        ),
        o.ordered_at,
        bag.quantity,
        null,
        y.product_type,
        bag.delivery_days,
        'rhythm',
        cast(r.seconds * 1000000 as numeric)
    from rhythm as r
    inner join type_by_rhythm as y on r.type_no = y.type_no
    inner join placed as o on r.place = o.place
    cross join lateral (
        select
            sum(l.quantity) as quantity,
            max(coalesce(p.delivery_days, 0)) as delivery_days
        from source.order_line as l
        inner join source.product as p on l.product_id = p.product_id
        where
            l.order_id = o.order_id
            and l.quantity > 0
            and p.product_type = y.product_type
            and p.is_consumable
            and coalesce(p.daily_use, 0) = 0
    ) as bag
    -- Only what the type's slowest delivery leaves possible is looked up line by line.
    where
        o.ordered_at + make_interval(secs => r.seconds)
        <= cast(:as_of as timestamptz)
        + cast(y.delivery_days + cast(:lead_days as integer) as double precision) * interval '24 hours'
        and o.ordered_at + make_interval(secs => r.seconds)
        > cast(:as_of as timestamptz)
        + (cast(:lead_days as integer) - cast(:lateness_days as integer)) * interval '24 hours'
        - interval '1 second'
),

supply as (
    select
        b.*,
        b.ordered_at + cast(round(b.microseconds) as double precision) * interval '1 microsecond' as runs_out_at
    from bought as b
),

due as (
    select
        s.*,
        s.runs_out_at
        - cast(round(s.delivery_days * 86400000000) as double precision) * interval '1 microsecond'
        - cast(:lead_days as integer) * interval '24 hours' as due_at
    from supply as s
)

select
    d.customer_id,
    d.occurrence,
    d.ordered_at as occurred_at,
    jsonb_build_object(
        'product_id', d.product_id,
        'product_name', k.name,
        'product_type', d.product_type,
        'ordered_at', replace(
            to_char(d.ordered_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), '.000000Z', 'Z'
        ),
        'quantity', trim_scale(d.quantity),
        'runs_out_at', replace(
            to_char(d.runs_out_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), '.000000Z', 'Z'
        ),
        'url', k.url,
        'image_url', k.image_url,
        'basis', d.basis
    ) as context
from due as d
left join source.product as k on d.product_id = k.product_id
where
    d.due_at <= cast(:as_of as timestamptz)
    and d.due_at > cast(:as_of as timestamptz) - cast(:lateness_days as integer) * interval '24 hours'
