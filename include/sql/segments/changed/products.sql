-- changed: products
-- what: every customer, if the catalogue changed: a product may have another type or category now
-- grain: customer_id, any number of times
-- parameters: load_id: the last load that the refresh before knew; since, as_of timestamptz: the refreshes
-- look-back: rows of later loads
select customer.customer_id
from source.customer
where exists (
    select 1
    from source.product as changed
    where changed.load_id > cast(:load_id as bigint)
)
