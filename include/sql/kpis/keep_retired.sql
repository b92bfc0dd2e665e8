-- Keep what is known of steps whose decisions retention has dropped, because a full roll-up deletes everything else.
-- grain: one row per (enrollment, step)
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
