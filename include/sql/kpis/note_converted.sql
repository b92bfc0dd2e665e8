-- Note the mails that reached their goal, of customers of whom a fact arrived: a changed one may take it away.
-- grain: one row per mail and fact
-- look-back: everything of these customers
insert into kpi_changed (enrollment_id, step)
select
    known.enrollment_id,
    known.step
from kpi_arrived
inner join kpi.step_outcome as known
    on kpi_arrived.customer_id = known.customer_id and known.converted_day is not null
