-- Give what became of a campaign's mails, and what people answered on the pages behind them, its present name.
-- grain: one row per mail with an event
-- former, present text
-- look-back: every mail with an event, and every answer
with survey_answer as (
    update event.survey_answer
    set campaign = cast(:present as text)
    where survey_answer.campaign = cast(:former as text)
    returning survey_answer.campaign
)

update event.engagement
set campaign = cast(:present as text)
where engagement.campaign = cast(:former as text)
