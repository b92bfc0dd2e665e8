-- Customers whose orders may be credited otherwise than before; gone with the transaction.
-- grain: one row a customer
create temporary table kpi_buyer on commit drop as
select fresh.customer_id
from kpi_outcome as fresh
left join kpi.step_outcome as known
    on fresh.enrollment_id = known.enrollment_id and fresh.step = known.step
where
    (fresh.takes_credit or coalesce(known.takes_credit, false))
    and (fresh.takes_credit, fresh.accepted_at, fresh.goal_until, fresh.day, fresh.variant)
    is distinct from (known.takes_credit, known.accepted_at, known.goal_until, known.day, known.variant)
union
select known.customer_id
from kpi_fact
inner join kpi.step_outcome as known
    on
        kpi_fact.customer_id = known.customer_id
        and known.accepted_at is not null
        and known.takes_credit
        and kpi_fact.happened_at between known.accepted_at and known.goal_until
union
select order_credit.customer_id
from kpi_fact
inner join kpi.order_credit on kpi_fact.customer_id = order_credit.customer_id
