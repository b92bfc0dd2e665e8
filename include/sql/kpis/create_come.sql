-- Facts that lay ahead of an earlier roll-up and have happened by now. The table is dropped with the transaction.
-- grain: one row per fact and what it may count for
-- now timestamptz
-- look-back: facts ahead
create temporary table kpi_come on commit drop as
select distinct
    ahead.happens_at,
    ahead.about,
    ahead.customer_id,
    ahead.enrollment_id,
    ahead.step
from kpi.ahead
where ahead.happens_at <= cast(:now as timestamptz)
