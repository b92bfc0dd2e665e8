-- changed: carts
-- what: customers of carts that came or changed, or that a changed order of any customer names
-- grain: customer_id, any number of times
-- parameters: load_id: the last load that the refresh before knew; since, as_of timestamptz: the refreshes
-- look-back: rows of later loads; facts of the time between the refreshes, whenever they were loaded
select changed.customer_id
from source.cart as changed
where changed.load_id > cast(:load_id as bigint)
union all
select changed.customer_id
from source.cart as changed
where changed.updated_at > cast(:since as timestamptz) and changed.updated_at <= cast(:as_of as timestamptz)
union all
select cart.customer_id
from source.orders as changed
inner join source.cart on changed.cart_id = cart.cart_id
where
    changed.load_id > cast(:load_id as bigint)
    or (changed.ordered_at > cast(:since as timestamptz) and changed.ordered_at <= cast(:as_of as timestamptz))
