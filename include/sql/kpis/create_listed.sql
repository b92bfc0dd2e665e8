-- Customers whose membership of the list is looked at. The table is dropped with the transaction.
-- grain: one row per customer
create temporary table kpi_listed (
    customer_id text primary key
) on commit drop
