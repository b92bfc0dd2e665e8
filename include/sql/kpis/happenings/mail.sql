-- Mails to a customer, and the state of each.
-- grain: one row per mail
-- customer_id text
-- look-back: everything
select
    coalesce(message.accepted_at, message.settled_at, message.claimed_at, message.planned_at) as happened_at,
    message.campaign,
    message.step,
    'mail ' || message.state as what,
    coalesce(message.reason, '') as why,
    30 as place
from journey.enrollment
inner join message.message on enrollment.enrollment_id = message.enrollment_id
where enrollment.customer_id = cast(:customer_id as text)
