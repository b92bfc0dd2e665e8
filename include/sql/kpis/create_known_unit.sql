-- Stored units of customers who are looked at: those with a decision that is not rolled up yet, with a fact that came
-- or left, or with a mail about which something changed. The table is dropped with the transaction.
-- grain: one row per unit
-- look-back: everything of these customers in these epochs
create temporary table kpi_known_unit on commit drop as
with customer as (
    select
        enrollment.campaign,
        enrollment.epoch,
        enrollment.customer_id
    from kpi_first
    inner join journey.enrollment on kpi_first.enrollment_id = enrollment.enrollment_id
    union
    select
        enrollment.campaign,
        enrollment.epoch,
        enrollment.customer_id
    from kpi_changed
    inner join journey.enrollment on kpi_changed.enrollment_id = enrollment.enrollment_id
    union
    select
        arm_unit.campaign,
        arm_unit.epoch,
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
        and customer.epoch = arm_unit.epoch
