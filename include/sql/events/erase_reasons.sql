-- Empty the texts in which mail servers told why a mail of an erased customer came back. That it did stays.
-- grain: one row per mail
-- customer_id text
-- look-back: every mail of the customer
update event.engagement
set reason = null
from journey.enrollment
where
    enrollment.customer_id = cast(:customer_id as text)
    and enrollment.enrollment_id = engagement.enrollment_id
    and engagement.reason is not null
