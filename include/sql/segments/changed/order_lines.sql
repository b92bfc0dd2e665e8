-- changed: order_lines
-- what: customers of orders whose lines came or changed
-- grain: customer_id, any number of times
-- parameters: load_id: the last load that the refresh before knew; since, as_of timestamptz: the refreshes
-- look-back: rows of later loads
select orders.customer_id
from source.order_line as changed
inner join source.orders on changed.order_id = orders.order_id
where changed.load_id > cast(:load_id as bigint)
