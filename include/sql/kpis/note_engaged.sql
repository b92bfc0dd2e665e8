-- Note the steps that have new events.
-- grain: one row per (enrollment, step)
-- last_batch_id bigint: last ingest rolled up
insert into kpi_changed (enrollment_id, step)
select
    engagement.enrollment_id,
    engagement.step
from event.engagement
where engagement.batch_id > cast(:last_batch_id as bigint)
