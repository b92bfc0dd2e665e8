-- Keep for later the orders that are dated ahead, of those whose credit is looked at.
-- grain: one row per order
-- now timestamptz
insert into kpi.ahead (happens_at, about, customer_id)
select
    recredited.ordered_at as happens_at,
    'order' as about,
    recredited.customer_id
from kpi_recredited as recredited
where recredited.ordered_at > cast(:now as timestamptz)
