-- Replace the stored units with the new ones. Equal ones are left alone.
-- grain: one row per unit
-- as_of timestamptz: `now` of the roll-up
insert into kpi.arm_unit as known (
    campaign, epoch, kind, step, customer_id, arm, enrollment_id, enrolled_at, decided_at, is_eligible, counted_from,
    window_ends_at, converted_at, orders, revenue, orders_before, revenue_before, as_of
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
    kpi_unit.revenue_before,
    cast(:as_of as timestamptz) as as_of
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
        revenue_before = excluded.revenue_before,
        as_of = excluded.as_of
    where
    (
        known.arm, known.enrollment_id, known.enrolled_at, known.decided_at, known.is_eligible, known.counted_from,
        known.window_ends_at, known.converted_at, known.orders, known.revenue, known.orders_before,
        known.revenue_before
    )
    is distinct from (
        excluded.arm, excluded.enrollment_id, excluded.enrolled_at, excluded.decided_at, excluded.is_eligible,
        excluded.counted_from, excluded.window_ends_at, excluded.converted_at, excluded.orders, excluded.revenue,
        excluded.orders_before, excluded.revenue_before
    )
