-- The orders whose basket may count otherwise than it was counted: of later loads (the order, or one of its lines),
-- those that became past since, and counted ones that left the look-back. The table is dropped with the transaction.
-- grain: order_id
-- load_id: the last load that is counted; since, as_of timestamptz: the refresh before, and this one;
-- look_back_days of orders before as_of
-- look-back: rows of later loads; orders of the time between; counted baskets
create temporary table touched_order on commit drop as
select orders.order_id
from source.orders
where orders.load_id > cast(:load_id as bigint)
union
select order_line.order_id
from source.order_line
where order_line.load_id > cast(:load_id as bigint)
union
select orders.order_id
from source.orders
where
    orders.ordered_at > cast(:since as timestamptz)
    and orders.ordered_at <= cast(:as_of as timestamptz)
union
select basket.order_id
from segment.basket
where basket.ordered_at <= cast(:as_of as timestamptz) - cast(:look_back_days as integer) * interval '24 hours'
