-- Delete what a person answered.
-- grain: one row per answer
-- customer_id text
delete from event.survey_answer
where survey_answer.customer_id = cast(:customer_id as text)
