-- planned → claimed: the mails of one request, with what was rendered for each recipient.
-- grain: one row per mail
-- enrollment_ids bigint[], subjects text[] (null = no mail has its own subject), starts, sizes integer[] side by side;
-- slots text: the packed slots of all mails, one after the other, in base64. Hex would be half as long again for the
-- server to read. In the decoded bytes, the slots of a mail begin at byte `starts`, counted from 1, and take `sizes`
-- bytes. An array of slots would be read letter by letter;
-- step text that the mails share; attempt_id bigint; now, lease_until timestamptz
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
