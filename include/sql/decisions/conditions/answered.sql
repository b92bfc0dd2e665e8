-- condition: answered
-- value: answer
-- what: the customer's newest answer to that survey by the due moment is that one; without an answer, any counts. The
--   survey stood in a mail of this series. Held-out people got no mail, and answered none.
-- grain: step_due_id
-- reads: asked
-- look-back: the series, and those that it goes on with
with series as (
    select
        asked.step_due_id,
        asked.enrollment_id
    from asked
    union all
    select
        asked.step_due_id,
        continued_series.former_id as enrollment_id
    from asked
    inner join journey.continued_series on asked.enrollment_id = continued_series.enrollment_id
),

newest as (
    select distinct on (asked.step_due_id)
        asked.step_due_id,
        asked.value,
        survey_answer.answer
    from asked
    inner join series on asked.step_due_id = series.step_due_id
    inner join event.survey_answer
        on series.enrollment_id = survey_answer.enrollment_id and asked.value ->> 'survey' = survey_answer.survey
    where survey_answer.answered_at <= asked.due_at
    order by asked.step_due_id asc, survey_answer.answered_at desc, survey_answer.answer asc
)

select newest.step_due_id
from newest
where coalesce(newest.value ->> 'answer' = newest.answer, true)
