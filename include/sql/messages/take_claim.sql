-- planned → claimed: the mails of one request, with what was rendered for each recipient.
-- grain: one row a mail
-- enrollment_ids bigint[], subjects text[] (null = no mail has one of its own), starts, sizes integer[] side by side;
-- slots text: packed, all mails' one behind the other, in base64 (hex is half as long again for the server to read); of
-- what is decoded a mail's begin at the byte `starts`, counted from 1, and take `sizes` bytes (an array of them would
-- be read letter by letter); step text they share;
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
    slots = substr(decode(cast(:slots as text), 'base64'), taken.start, taken.size)
from
    unnest(
        cast(:enrollment_ids as bigint[]),
        cast(:subjects as text[]),
        cast(:starts as integer[]),
        cast(:sizes as integer[])
    ) as taken (enrollment_id, subject, start, size)
where
    message.enrollment_id = taken.enrollment_id
    and message.step = cast(:step as text)
    and message.state = 'planned'
