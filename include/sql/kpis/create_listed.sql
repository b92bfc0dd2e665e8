-- Customers whose membership of the list is looked at; gone with the transaction.
-- grain: one row a customer
create temporary table kpi_listed (
    customer_id text primary key
) on commit drop
