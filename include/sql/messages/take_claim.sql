-- planned → claimed: the mails of one request, with what was rendered for each recipient.
-- grain: one row a mail
-- enrollment_ids bigint[], subjects text[] (null = no mail has one of its own) side by side; slots text: as many packed
-- slots in hex, with commas between them (an array would be read character by character, through a buffer);
-- step text they share;
-- attempt_id bigint; now, lease_until timestamptz
-- look-back: none
update message.message
set
    state = 'claimed',
    reason = null,
    claimed_at = cast(:now as timestamptz),
    lease_until = cast(:lease_until as timestamptz),
    attempt_id = cast(:attempt_id as bigint),
    subject = taken.subject,
    slots = decode(taken.slots, 'hex')
from
    unnest(
        cast(:enrollment_ids as bigint[]),
        cast(:subjects as text[]),
        string_to_array(cast(:slots as text), ',')
    ) as taken (enrollment_id, subject, slots)
where
    message.enrollment_id = taken.enrollment_id
    and message.step = cast(:step as text)
    and message.state = 'planned'
