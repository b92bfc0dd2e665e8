-- Keep the units whose first decision retention has dropped: a full roll-up deletes all units, and finds the others
-- again. The table is dropped with the transaction.
-- grain: one row per unit
create temporary table kpi_known_unit on commit drop as
select arm_unit.*  -- noqa: AM04
from kpi.arm_unit
where
    exists (
        select 1
        from installation.retired_month
        where
            retired_month.parent = 'decision.decision'
            and retired_month.month = cast(date_trunc('month', arm_unit.decided_at at time zone 'UTC') as date)
    )
