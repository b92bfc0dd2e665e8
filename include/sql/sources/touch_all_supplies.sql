-- What: put every customer with a supply, an order or a note into supply_touched, for a rebuild.
-- Grain: one row per customer.
-- Parameters: none. Look-back: all orders.
insert into supply_touched (customer_id)
select supply.customer_id from source.supply
union
select orders.customer_id from source.orders
on conflict do nothing
