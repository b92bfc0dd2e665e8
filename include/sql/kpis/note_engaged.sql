-- Note the steps that have new events, or new answers.
-- grain: one row per (enrollment, step)
-- last_batch_id bigint: last ingest rolled up
insert into kpi_changed (enrollment_id, step)
select
    engagement.enrollment_id,
    engagement.step
from event.engagement
where engagement.batch_id > cast(:last_batch_id as bigint)
union all
select
    survey_answer.enrollment_id,
    survey_answer.step
from event.survey_answer
where survey_answer.batch_id > cast(:last_batch_id as bigint)
