-- Customers about whom a word was said whose time has come.
-- grain: one row per customer who is not listed yet
insert into kpi_listed (customer_id)
select distinct come.customer_id
from kpi_come as come
where
    come.about = 'list'
    and not exists (select 1 from kpi_listed where kpi_listed.customer_id = come.customer_id)
