-- What: a table for the customers whose supplies are computed again.
-- Grain: one row per customer.
-- Parameters: none. Look-back: none.
create temporary table supply_touched (customer_id text primary key) on commit drop
