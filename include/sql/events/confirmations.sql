-- The yeses of the step's new events, said on our own pages: who said one, when, and on which page.
-- grain: one row per customer, time and page
-- look-back: the mails that the events name, by key
select distinct
    message.customer_id,
    event.occurred_at as said_at,
    case event.raw ->> 'page' when 'confirm' then 'confirmation' else 'preference_centre' end as origin
from event_staging as staged
inner join event.event on staged.sg_event_id = event.sg_event_id and staged.occurred_at = event.occurred_at
inner join message.message
    on
        message.enrollment_of(staged.message_id) = message.enrollment_id
        and staged.message_id = message.message_id
inner join source.customer on message.customer_id = customer.customer_id
where staged.fact = 'confirm' and customer.erased_at is null
order by said_at, customer_id
