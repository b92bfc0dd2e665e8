-- Planned mails of one customer, the first to go first.
-- grain: one row per mail
-- customer_id text
-- look-back: planned mails of the customer's series
select
    message.enrollment_id,
    message.step,
    message.campaign,
    message.shell_id,
    message.not_before
from journey.enrollment
inner join message.message on enrollment.enrollment_id = message.enrollment_id
where enrollment.customer_id = cast(:customer_id as text) and message.state = 'planned'
order by message.not_before, message.enrollment_id, message.step
