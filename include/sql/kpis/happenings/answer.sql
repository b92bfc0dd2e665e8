-- What a customer answered on the pages behind our mails. A birthday itself is not shown.
-- grain: one row per answer
-- customer_id text
-- look-back: everything
select
    survey_answer.answered_at as happened_at,
    survey_answer.campaign,
    survey_answer.step,
    'answered' as what,
    case
        when survey_answer.survey = 'birthday' then survey_answer.survey
        else survey_answer.survey || ': ' || survey_answer.answer
    end as why,
    0 as place
from event.survey_answer
where survey_answer.customer_id = cast(:customer_id as text)
