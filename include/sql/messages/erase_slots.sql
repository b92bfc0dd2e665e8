-- Forget the personal parts of a customer's mails; their states stay.
-- grain: one row a mail
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
    -- A planned mail may be under a claim that is not committed: waited for, and looked at as it is then.
    and (message.slots is not null or message.subject is not null or message.state = 'planned')
