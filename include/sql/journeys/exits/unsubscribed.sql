-- exit: unsubscribed
-- what: the customer left the topic or all mail, withdrew the permission, or may not be mailed for another reason
--   (named `suppressed`).
-- grain: one row per word or withdrawal: enrollment_id, reason, exited_at
-- reads: series
-- look-back: since the enrollment
select
    series.enrollment_id,
    case suppression.reason when 'unsubscribed' then 'unsubscribed' else 'suppressed' end as reason,
    suppression.said_at as exited_at
from series
inner join event.binding_word as suppression on series.customer_id = suppression.customer_id
where
    series.may_have_left
    and suppression.scope in ('all', 'topic:' || series.topic)
    and suppression.said_at > series.enrolled_at
union all
select
    series.enrollment_id,
    'unsubscribed' as reason,
    customer.permission_at as exited_at
from series
inner join source.customer on series.customer_id = customer.customer_id
where
    series.may_have_left
    and customer.permission = 'withdrawn'
    and customer.permission_at > series.enrolled_at
