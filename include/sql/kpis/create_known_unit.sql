-- Stored units of customers who are looked at: those of the steps that were judged, which are decided since the last
-- roll-up or have news, and those with a fact that came or left. The table is dropped with the transaction.
-- grain: one row per unit
-- look-back: everything of these customers in these campaigns
create temporary table kpi_known_unit on commit drop as
with customer as (
    select
        judged.campaign,
        judged.customer_id
    from kpi_judged as judged
    union
    select
        arm_unit.campaign,
        arm_unit.customer_id
    from kpi_arrived
    inner join kpi.arm_unit on kpi_arrived.customer_id = arm_unit.customer_id
)

select arm_unit.*  -- noqa: AM04
from customer
inner join kpi.arm_unit
    on
        customer.customer_id = arm_unit.customer_id
        and customer.campaign = arm_unit.campaign
