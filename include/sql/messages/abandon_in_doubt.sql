-- in_doubt → abandoned: no event of the mail came within the given hours, and a second mail is worse than none.
-- grain: one row per mail
-- topic, reason text; after_hours hours since the attempt; now timestamptz
-- look-back: mails in doubt
with settled as (
    select
        message.enrollment_id,
        message.step
    from message.message
    where
        message.state = 'in_doubt'
        and installation.topic_called(message.topic) = cast(:topic as text)
        and message.claimed_at + cast(:after_hours as double precision) * interval '1 hour'
        <= cast(:now as timestamptz)
    for update skip locked
)

update message.message
set
    state = 'abandoned',
    reason = cast(:reason as text),
    settled_at = cast(:now as timestamptz)
from settled
where message.enrollment_id = settled.enrollment_id and message.step = settled.step
