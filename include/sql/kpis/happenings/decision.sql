-- Decisions about a customer's steps.
-- grain: one row per decision
-- customer_id text
-- look-back: everything
select
    decision.decided_at as happened_at,
    decision.campaign,
    decision.step,
    'decided: ' || decision.outcome as what,
    decision.reason
    || coalesce(' until ' || to_char(decision.until at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI"Z"'), '')
    || case when decision.detail = '{}'::jsonb then '' else ' ' || decision.detail::text end as why,
    20 as place
from decision.decision
where
    decision.enrollment_id in (
        select enrollment.enrollment_id
        from journey.enrollment
        where enrollment.customer_id = cast(:customer_id as text)
    )
