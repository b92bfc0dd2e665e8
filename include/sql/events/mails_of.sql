-- The ids of a customer's mails.
-- grain: one row per mail
-- customer_id text
-- look-back: every mail of the customer
select cast(message.message_id as text) as message_id
from journey.enrollment
inner join message.message on enrollment.enrollment_id = message.enrollment_id
where enrollment.customer_id = cast(:customer_id as text)
