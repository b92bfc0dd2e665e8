-- Replace the stored units with the new ones. Equal ones are left alone.
-- grain: one row per unit
insert into kpi.arm_unit as known (
    campaign, epoch, kind, step, customer_id, arm, enrollment_id, enrolled_at, decided_at, is_eligible, counted_from,
    window_ends_at, converted_at, orders, revenue, orders_before, revenue_before
)
select
    kpi_unit.campaign,
    kpi_unit.epoch,
    kpi_unit.kind,
    kpi_unit.step,
    kpi_unit.customer_id,
    kpi_unit.arm,
    kpi_unit.enrollment_id,
    kpi_unit.enrolled_at,
    kpi_unit.decided_at,
    kpi_unit.is_eligible,
    kpi_unit.counted_from,
    kpi_unit.window_ends_at,
    kpi_unit.converted_at,
    kpi_unit.orders,
    kpi_unit.revenue,
    kpi_unit.orders_before,
    kpi_unit.revenue_before
from kpi_unit
on conflict (customer_id, campaign, epoch, kind, step) do update
    set
        arm = excluded.arm,
        enrollment_id = excluded.enrollment_id,
        enrolled_at = excluded.enrolled_at,
        decided_at = excluded.decided_at,
        is_eligible = excluded.is_eligible,
        counted_from = excluded.counted_from,
        window_ends_at = excluded.window_ends_at,
        converted_at = excluded.converted_at,
        orders = excluded.orders,
        revenue = excluded.revenue,
        orders_before = excluded.orders_before,
        revenue_before = excluded.revenue_before
    where (known.*) is distinct from (excluded.*)
