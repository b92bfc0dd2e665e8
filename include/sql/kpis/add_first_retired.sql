-- Final decisions of steps whose decisions retention has dropped. They stand in for the first ones where no unit is
-- known, so that series of before the first roll-up with units are counted.
-- grain: one row per (enrollment, step)
-- look-back: months whose decisions were dropped
insert into kpi_first (enrollment_id, step, variant, decided_at, as_of, decision_id, is_eligible)
select
    kpi_retired.enrollment_id,
    kpi_retired.step,
    kpi_retired.variant,
    kpi_retired.decided_at,
    kpi_retired.decided_at as as_of,
    kpi_retired.decision_id,
    kpi_retired.decision_outcome in ('send', 'defer')
    or kpi_retired.decision_reason in (
        'held_out', 'alert_raised', 'stale', 'no_common_hours', 'capped', 'lower_priority'
    )
        as is_eligible
from kpi_retired
where kpi_retired.decision_reason not in ('added_later', 'step_gone', 'already_sent')
