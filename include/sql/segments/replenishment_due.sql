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
-- Durations are reckoned in whole microseconds, and a supply is at most 36,500 days. A million lines are
-- joined once, then grouped and sorted by small integers rather than texts: `place` numbers the orders of
-- each customer in time, product_no and type_no the consumables.
with pack as materialized (
    select
        p.product_id,
        p.product_type,
        cast(row_number() over () as integer) as product_no,
        cast(dense_rank() over (order by p.product_type) as integer) as type_no,
        coalesce(nullif(p.units_per_pack, 0), 1) / nullif(p.daily_use, 0) as days,
        coalesce(p.delivery_days, 0) as delivery_days
    from source.product as p
    where p.is_consumable
),

type_by_rhythm as (
    select
        k.type_no,
        k.product_type,
        max(k.delivery_days) as delivery_days
    from pack as k
    where k.product_type is not null and k.days is null
    group by k.type_no, k.product_type
),

placed as materialized (
    select
        o.order_id,
        o.customer_id,
        o.ordered_at,
        date_part('epoch', o.ordered_at) as seconds,
        cast(dense_rank() over (order by o.customer_id) as integer) as customer_no,
        cast(row_number() over (order by o.customer_id, o.ordered_at, o.order_id) as integer) as place
    from source.orders as o
    inner join source.customer as c on o.customer_id = c.customer_id
    where
        o.ordered_at <= cast(:as_of as timestamptz)
        and o.status <> 'cancelled'
        and c.erased_at is null
),

line as materialized (
    select
        o.customer_no,
        o.place,
        o.seconds,
        k.product_no,
        cast(k.days as double precision) as days,
        cast(k.delivery_days as double precision) as delivery_days,
        y.type_no,
        l.line_no,
        l.quantity
    from source.order_line as l
    inner join pack as k on l.product_id = k.product_id
    inner join placed as o on l.order_id = o.order_id
    -- A product counts by its daily use, for the rhythm of a type that has products without one, or for both.
    left join type_by_rhythm as y on k.type_no = y.type_no
    where l.quantity > 0 and (k.days is not null or y.type_no is not null)
),

latest as (
    select
        i.product_no,
        max(i.place) as place
    from line as i
    where i.days is not null
    group by i.customer_no, i.product_no
),

-- The latest purchases that are about due, reckoned in floating point with a second to spare; exactly below.
declared as (
    select
        i.place,
        i.product_no,
        min(i.line_no) as line_no,
        sum(i.quantity) as quantity
    from line as i
    inner join latest as t on i.place = t.place and i.product_no = t.product_no
    where i.days is not null
    group by i.place, i.product_no
    having
        max(i.seconds)
        + 86400 * (least(cast(sum(i.quantity) as double precision) * max(i.days), 36500) - max(i.delivery_days))
        between date_part('epoch', cast(:as_of as timestamptz)) - 1
        + 86400 * (cast(:lead_days as integer) - cast(:lateness_days as integer))
        and date_part('epoch', cast(:as_of as timestamptz)) + 1 + 86400 * cast(:lead_days as integer)
),

type_line as (
    select
        i.customer_no,
        i.type_no,
        i.place,
        i.days is null as by_rhythm,
        nullif(i.place, lag(i.place) over (partition by i.customer_no, i.type_no order by i.place)) as new_place,
        i.seconds - lag(i.seconds) over (partition by i.customer_no, i.type_no order by i.place) as seconds_since
    from line as i
    where i.type_no is not null
),

-- Several lines of one order are one purchase: only the first has a new place.
rhythm as (
    select
        h.type_no,
        max(h.place) filter (where h.by_rhythm) as place,
        percentile_cont(0.5) within group (order by h.seconds_since)
        filter (where h.new_place is not null) as seconds
    from type_line as h
    group by h.customer_no, h.type_no
    having count(h.new_place) >= 3
),

-- Kept apart from the joins below: the planner knows nothing of the numbers above, and would mix them badly.
bought as materialized (
    select
        o.customer_id,
        o.ordered_at,
        o.order_id || '/' || d.line_no as occurrence,
        d.quantity,
        d.product_no,
        null as product_type,
        null as delivery_days,
        null as microseconds
    from declared as d
    inner join placed as o on d.place = o.place
    union all
    select
        o.customer_id,
        o.ordered_at,
        y.product_type || '@' || replace(
            to_char(o.ordered_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), '.000000Z', 'Z'
        ) as occurrence,
        bag.quantity,
        null as product_no,
        y.product_type,
        bag.delivery_days,
        cast(r.seconds as numeric) * 1000000 as microseconds
    from rhythm as r
    inner join type_by_rhythm as y on r.type_no = y.type_no
    inner join placed as o on r.place = o.place
    cross join
        lateral (
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
    -- Only what the type's slowest delivery leaves possible, give or take a second, is looked up line by line.
    where
        o.ordered_at + make_interval(secs => r.seconds)
        <= cast(:as_of as timestamptz)
        + cast(y.delivery_days + cast(:lead_days as integer) as double precision) * interval '24 hours'
        + interval '1 second'
        and o.ordered_at + make_interval(secs => r.seconds)
        > cast(:as_of as timestamptz)
        + (cast(:lead_days as integer) - cast(:lateness_days as integer)) * interval '24 hours'
        - interval '1 second'
),

supply as (
    select
        b.customer_id,
        b.ordered_at,
        b.occurrence,
        b.quantity,
        k.product_id,
        coalesce(k.product_type, b.product_type) as product_type,
        cast(round(86400000000 * coalesce(k.delivery_days, b.delivery_days)) as double precision)
        * interval '1 microsecond' as delivery,
        b.ordered_at
        + cast(round(coalesce(b.microseconds, 86400000000 * least(b.quantity * k.days, 36500))) as double precision)
        * interval '1 microsecond' as runs_out_at
    from bought as b
    left join pack as k on b.product_no = k.product_no
),

due as (
    select s.*
    from supply as s
    where
        s.runs_out_at - s.delivery - cast(:lead_days as integer) * interval '24 hours' <= cast(:as_of as timestamptz)
        and s.runs_out_at - s.delivery - cast(:lead_days as integer) * interval '24 hours'
        > cast(:as_of as timestamptz) - cast(:lateness_days as integer) * interval '24 hours'
)

select
    d.customer_id,
    d.occurrence,
    d.ordered_at as occurred_at,
    jsonb_build_object(
        'product_id', d.product_id,
        'product_name', p.name,
        'product_type', d.product_type,
        'ordered_at', replace(
            to_char(d.ordered_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), '.000000Z', 'Z'
        ),
        'quantity', trim_scale(d.quantity),
        'runs_out_at', replace(
            to_char(d.runs_out_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), '.000000Z', 'Z'
        ),
        'url', p.url,
        'image_url', p.image_url,
        'basis', case when d.product_id is null then 'rhythm' else 'declared' end
    ) as context
from due as d
left join source.product as p on d.product_id = p.product_id
