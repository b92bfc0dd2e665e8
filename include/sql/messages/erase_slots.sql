-- Delete the personal parts of a customer's mails. Their states stay.
-- grain: one row per mail
-- customer_id text
-- look-back: every mail of the customer
update message.message
set
    subject = null,
    slots = null
from journey.enrollment
where
    enrollment.customer_id = cast(:customer_id as text)
    and message.enrollment_id = enrollment.enrollment_id
    -- A planned mail may be under a claim that is not committed. The update waits for it, and then checks the new row.
    and (message.slots is not null or message.subject is not null or message.state = 'planned')
