-- Keep what people answered on the pages behind their mails. An answer about a mail that is not ours, or of a person
-- who was erased, is none.
-- grain: one row per answer
-- batch_id bigint
-- look-back: the mails that the answers name, by key
insert into event.survey_answer (
    enrollment_id, survey, answered_at, answer, step, campaign, customer_id, is_current, batch_id
)
select distinct
    message.enrollment_id,
    event.raw ->> 'survey' as survey,
    event.occurred_at as answered_at,
    event.raw ->> 'answer' as answer,
    message.step,
    message.campaign,
    message.customer_id,
    false as is_current,
    cast(:batch_id as bigint) as batch_id
from event_staging as staged
inner join event.event on staged.sg_event_id = event.sg_event_id and staged.occurred_at = event.occurred_at
inner join message.message
    on
        message.enrollment_of(staged.message_id) = message.enrollment_id
        and staged.message_id = message.message_id
inner join source.customer on message.customer_id = customer.customer_id
where
    staged.fact = 'answer'
    and customer.erased_at is null
    and event.raw ->> 'survey' ~ '^[a-z0-9_]{1,40}$'
    and event.raw ->> 'answer' ~ '^[a-z0-9_-]{1,40}$'
on conflict (enrollment_id, survey, answered_at, answer) do nothing
