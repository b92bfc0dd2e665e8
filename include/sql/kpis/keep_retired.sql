-- Set aside what is known of steps whose decisions retention has dropped, before a full roll-up forgets all.
-- grain: one row an (enrollment, step)
create temporary table kpi_retired on commit drop as
select
    known.enrollment_id,
    known.step,
    known.campaign,
    known.customer_id,
    known.variant,
    known.decision_id,
    known.decided_at,
    known.decision_outcome,
    known.decision_reason
from kpi.step_outcome as known
where
    exists (
        select 1
        from installation.retired_month
        where
            retired_month.parent = 'decision.decision'
            and retired_month.month = cast(date_trunc('month', known.decided_at at time zone 'UTC') as date)
    )
