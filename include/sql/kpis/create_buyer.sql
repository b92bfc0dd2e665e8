-- Customers whose orders may be credited otherwise than before; gone with the transaction.
-- grain: one row a customer
create temporary table kpi_buyer on commit drop as
select fresh.customer_id
from kpi_outcome as fresh
left join lateral (
    select stored.*
    from kpi.step_outcome as stored
    where stored.enrollment_id = fresh.enrollment_id and stored.step = fresh.step
    -- Here and below: an index probe each, however long the history is.
    offset 0
) as known on true
where
    (fresh.takes_credit or coalesce(known.takes_credit, false))
    and (fresh.takes_credit, fresh.accepted_at, fresh.goal_until, fresh.day, fresh.variant)
    is distinct from (known.takes_credit, known.accepted_at, known.goal_until, known.day, known.variant)
union
select kpi_fact.customer_id
from kpi_fact
inner join lateral (
    select 1 as found
    from kpi.step_outcome as known
    where
        known.customer_id = kpi_fact.customer_id
        and known.accepted_at <= kpi_fact.happened_at
        and known.goal_until >= kpi_fact.happened_at
        and known.takes_credit
    offset 0
) as mail on true
union
select kpi_fact.customer_id
from kpi_fact
inner join lateral (
    select 1 as found
    from kpi.order_credit as credit
    where credit.customer_id = kpi_fact.customer_id
    offset 0
) as credited on true
