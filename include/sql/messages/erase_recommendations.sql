-- Forget what a customer's mails recommended: it says what the customer bought or looked at.
-- grain: one row per mail and place
-- customer_id text
-- look-back: every mail of the customer
delete from message.recommendation
using journey.enrollment
where
    enrollment.customer_id = cast(:customer_id as text)
    and recommendation.enrollment_id = enrollment.enrollment_id
