-- The changes of the counts: the new outcomes less the stored ones, grouped by everything that a count depends on.
-- The table is dropped with the transaction.
-- grain: one row per combination of campaign, step, variant, words and days; n = how many more (or fewer) steps have it
create temporary table kpi_delta on commit drop as
select
    signed.campaign,
    signed.step,
    signed.variant,
    signed.day,
    signed.decision_outcome,
    signed.decision_reason,
    signed.state,
    signed.reason,
    signed.outcome,
    signed.each_day,
    sum(signed.sign) as n
from (
    select
        fresh.campaign,
        fresh.step,
        fresh.variant,
        fresh.day,
        fresh.decision_outcome,
        fresh.decision_reason,
        fresh.state,
        fresh.reason,
        fresh.outcome,
        fresh.each_day,
        1 as sign
    from kpi_outcome as fresh
    union all
    select
        stored.campaign,
        stored.step,
        stored.variant,
        stored.day,
        stored.decision_outcome,
        stored.decision_reason,
        stored.state,
        stored.reason,
        stored.outcome,
        stored.each_day,
        -1 as sign
    from kpi_outcome as fresh
    inner join kpi.step_outcome as stored
        on fresh.enrollment_id = stored.enrollment_id and fresh.step = stored.step
) as signed
group by
    signed.campaign,
    signed.step,
    signed.variant,
    signed.day,
    signed.decision_outcome,
    signed.decision_reason,
    signed.state,
    signed.reason,
    signed.outcome,
    signed.each_day
having sum(signed.sign) <> 0
