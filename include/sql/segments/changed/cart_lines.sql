-- changed: cart_lines
-- what: customers of carts whose lines came or changed
-- grain: customer_id, any number of times
-- parameters: load_id: the last load that the refresh before knew; since, as_of timestamptz: the refreshes
-- look-back: rows of later loads
select cart.customer_id
from source.cart_line as changed
inner join source.cart on changed.cart_id = cart.cart_id
where changed.load_id > cast(:load_id as bigint)
