-- Of each question that the step brought an answer to, the newest answer is the one that counts.
-- grain: one row per answer whose mark changes
-- batch_id bigint
-- look-back: all answers of the enrollment to the question
update event.survey_answer
set is_current = ranked.place = 1
from (
    select
        answered.enrollment_id,
        answered.survey,
        answered.answered_at,
        answered.answer,
        row_number() over (
            partition by answered.enrollment_id, answered.survey
            order by answered.answered_at desc, answered.answer desc
        ) as place
    from event.survey_answer as answered
    where
        (answered.enrollment_id, answered.survey) in (
            select
                news.enrollment_id,
                news.survey
            from event.survey_answer as news
            inner join event_staging as staged
                on message.enrollment_of(staged.message_id) = news.enrollment_id and staged.fact = 'answer'
            where news.batch_id = cast(:batch_id as bigint)
        )
) as ranked
where
    survey_answer.enrollment_id = ranked.enrollment_id
    and survey_answer.survey = ranked.survey
    and survey_answer.answered_at = ranked.answered_at
    and survey_answer.answer = ranked.answer
    and survey_answer.is_current is distinct from (ranked.place = 1)
