-- goal: answered
-- what: the customer answered a survey of the mail.
-- reached-by: mailed
-- grain: one row per answer
-- reads: asked
-- look-back: the window
select survey_answer.answered_at as reached_at
from asked
inner join event.survey_answer
    on asked.enrollment_id = survey_answer.enrollment_id and asked.step = survey_answer.step
where asked.goal = 'answered' and survey_answer.answered_at between asked.since and asked.till
