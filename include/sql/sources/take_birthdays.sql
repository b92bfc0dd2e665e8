-- What: give customers without a birthday the one that they told on the preference page, a day without a year. A feed
-- that brings one later wins.
-- Grain: one row per customer.
-- Parameters: batch_id bigint, the ingest that brought the answers.
-- Look-back: the answers of the ingest.
update source.customer
set birthday = cast(calendar.day as date)
from (
    select distinct on (survey_answer.customer_id)
        survey_answer.customer_id,
        survey_answer.answer
    from event.survey_answer
    where survey_answer.survey = 'birthday' and survey_answer.batch_id = cast(:batch_id as bigint)
    order by survey_answer.customer_id asc, survey_answer.answered_at desc, survey_answer.answer desc
) as told
-- Year 4 stands for an unknown one, and has a 29 February.
inner join
    generate_series(timestamp '0004-01-01', timestamp '0004-12-31', interval '1 day') as calendar (day)
    on told.answer = to_char(calendar.day, '"--"MM-DD')
where
    customer.customer_id = told.customer_id
    and customer.birthday is null
    and customer.erased_at is null
