-- The personal parts of a customer's mails as hexadecimal digits, as statistics and dumps would show them.
-- grain: one row per mail that has any
-- customer_id text
-- look-back: every mail of the customer
select encode(message.slots, 'hex') as slots
from journey.enrollment
inner join message.message on enrollment.enrollment_id = message.enrollment_id
where enrollment.customer_id = cast(:customer_id as text) and message.slots is not null
