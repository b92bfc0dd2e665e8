-- planned → cancelled or rejected, each mail for its own reason.
-- grain: one row per mail
-- enrollment_ids bigint[], steps text[], reasons text[] side by side; state text; now timestamptz
-- look-back: none
update message.message
set
    state = cast(:state as text),
    reason = ended.reason,
    settled_at = cast(:now as timestamptz)
from
    unnest(cast(:enrollment_ids as bigint[]), cast(:steps as text[]), cast(:reasons as text[]))
        as ended (enrollment_id, step, reason)
where
    message.enrollment_id = ended.enrollment_id
    and message.step = ended.step
    and message.state = 'planned'
