-- What: the place for the customers whose supplies are reckoned anew.
-- Grain: one row a customer.
-- Parameters: none. Look-back: none.
create temporary table supply_touched (customer_id text primary key) on commit drop
