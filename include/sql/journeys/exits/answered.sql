-- exit: answered
-- what: the customer answered a survey of a mail of this series.
-- grain: one row per answer
-- reads: series
-- look-back: the series
select
    series.enrollment_id,
    'answered' as reason,
    survey_answer.answered_at as exited_at
from series
inner join event.survey_answer on series.enrollment_id = survey_answer.enrollment_id
where survey_answer.answered_at > series.enrolled_at
