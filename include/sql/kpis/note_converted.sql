-- Note the mails that reached their goal, of customers who have a new fact. A fact that changed may take the goal away.
-- grain: one row per mail and fact
-- look-back: everything of these customers
insert into kpi_changed (enrollment_id, step)
select
    known.enrollment_id,
    known.step
from kpi_arrived
inner join kpi.step_outcome as known
    on kpi_arrived.customer_id = known.customer_id and known.accepted_converted_day is not null
