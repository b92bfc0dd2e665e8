-- Move a planned mail to a later moment, because the recipient's hours are over or the day is full.
-- grain: one row per mail
-- enrollment_ids bigint[], steps text[], moments timestamptz[], days date[], reasons text[] side by side
-- look-back: none
update message.message
set
    not_before = later.not_before,
    send_day = later.send_day,
    reason = later.reason
from
    unnest(
        cast(:enrollment_ids as bigint[]),
        cast(:steps as text[]),
        cast(:moments as timestamptz[]),
        cast(:days as date[]),
        cast(:reasons as text[])
    ) as later (enrollment_id, step, not_before, send_day, reason)
where
    message.enrollment_id = later.enrollment_id
    and message.step = later.step
    and message.state = 'planned'
