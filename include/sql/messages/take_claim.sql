-- planned → claimed: the mails of one claim, with what was rendered for each recipient.
-- grain: one row a mail
-- enrollment_ids bigint[], steps text[], attempt_ids bigint[], subjects text[], slots text[] (JSON) side by side;
-- now, lease_until timestamptz
-- look-back: none
update message.message
set
    state = 'claimed',
    reason = null,
    claimed_at = cast(:now as timestamptz),
    lease_until = cast(:lease_until as timestamptz),
    attempt_id = taken.attempt_id,
    subject = taken.subject,
    slots = cast(taken.slots as jsonb)
from
    unnest(
        cast(:enrollment_ids as bigint[]),
        cast(:steps as text[]),
        cast(:attempt_ids as bigint[]),
        cast(:subjects as text[]),
        cast(:slots as text[])
    ) as taken (enrollment_id, step, attempt_id, subject, slots)
where
    message.enrollment_id = taken.enrollment_id
    and message.step = taken.step
    and message.state = 'planned'
