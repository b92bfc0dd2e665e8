-- Planned mails to judge (delivery/pick): those named, due or not. They are not locked.
-- grain: one row per mail
-- enrollment_ids bigint[], steps text[] side by side
-- look-back: none
select
    message.enrollment_id,
    message.step,
    message.message_id,
    message.customer_id,
    message.not_before,
    message.expires_at,
    message.reason as waits_for
from unnest(cast(:enrollment_ids as bigint[]), cast(:steps as text[])) as named (enrollment_id, step)
inner join message.message on named.enrollment_id = message.enrollment_id and named.step = message.step
where message.state = 'planned'
