-- The difference between the baskets that were counted and those that count now: each is taken back once, or added
-- once. The table is dropped with the transaction.
-- grain: order_id and orders (-1 = taken back, 1 = added)
-- look-back: touched orders
create temporary table basket_change on commit drop as
select
    former.product_ids,
    -1 as orders
from touched_order
inner join segment.basket as former on touched_order.order_id = former.order_id
left join basket_now as present on former.order_id = present.order_id
where present.product_ids is distinct from former.product_ids
union all
select
    present.product_ids,
    1 as orders
from basket_now as present
left join segment.basket as former on present.order_id = former.order_id
where present.product_ids is distinct from former.product_ids
