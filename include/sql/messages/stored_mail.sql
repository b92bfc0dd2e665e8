-- The newest mail of one customer and step, with what was rendered for it and what it would be rendered from. A planned
-- mail is rendered again when it is claimed, so what an earlier claim rendered for it does not count.
-- grain: at most one row
-- campaign, step, customer_id text
-- look-back: every enrollment of the customer in the campaign
select
    enrollment.enrollment_id,
    enrollment.context,
    message.shell_id,
    message.subject,
    case when message.state <> 'planned' then message.slots end as slots,
    message.state
from journey.enrollment
left join message.message
    on
        enrollment.enrollment_id = message.enrollment_id
        and message.step = cast(:step as text)
where
    enrollment.campaign = cast(:campaign as text)
    and enrollment.customer_id = cast(:customer_id as text)
order by (message.slots is not null and message.state <> 'planned') desc, enrollment.enrolled_at desc
limit 1
