-- What: rows that each feed has brought so far, and rows that loads have written since a moment.
-- Grain: one row per feed, in the order in which feeds are loaded.
-- Parameters: since (timestamptz) beginning of this demo run.
-- Look-back: none, all rows.
with loaded as (
    select
        1 as position,
        'customers' as feed,
        load_id
    from source.customer
    union all
    select
        2 as position,
        'products' as feed,
        load_id
    from source.product
    union all
    select
        3 as position,
        'orders' as feed,
        load_id
    from source.orders
    union all
    select
        4 as position,
        'order_lines' as feed,
        load_id
    from source.order_line
    union all
    select
        5 as position,
        'carts' as feed,
        load_id
    from source.cart
    union all
    select
        6 as position,
        'cart_lines' as feed,
        load_id
    from source.cart_line
    union all
    select
        7 as position,
        'page_views' as feed,
        load_id
    from source.page_view
    union all
    select
        8 as position,
        'lead_actions' as feed,
        load_id
    from source.lead_action
    union all
    select
        9 as position,
        'reviews' as feed,
        load_id
    from source.review
    union all
    select
        10 as position,
        'offers' as feed,
        load_id
    from source.offer
)

select
    f.feed,
    count(*) as row_count,
    count(*) filter (where l.started_at >= cast(:since as timestamptz)) as new_count
from loaded as f
inner join source.load as l on f.load_id = l.load_id
group by f.position, f.feed
order by f.position
