-- in_doubt → abandoned | planned: apply the judgement of each attempt to its mails.
-- grain: one row per mail
-- topic text; attempted_at timestamptz[], states, reasons text[], only_expired boolean[] side by side (only_expired =
--   only mails that have expired); now timestamptz
-- look-back: mails in doubt
with settled as (
    select
        message.enrollment_id,
        message.step,
        judged.state,
        judged.reason
    from
        unnest(
            cast(:attempted_at as timestamptz[]),
            cast(:states as text[]),
            cast(:reasons as text[]),
            cast(:only_expired as boolean[])
        ) as judged (attempted_at, state, reason, only_expired)
    inner join message.message on judged.attempted_at = message.claimed_at
    where
        message.state = 'in_doubt'
        and installation.topic_called(message.topic) = cast(:topic as text)
        and (message.expires_at < cast(:now as timestamptz) or not judged.only_expired)
    for update of message skip locked
)

update message.message
set
    state = settled.state,
    reason = settled.reason,
    settled_at = case settled.state when 'abandoned' then cast(:now as timestamptz) end
from settled
where message.enrollment_id = settled.enrollment_id and message.step = settled.step
returning message.enrollment_id, message.step, message.state, message.reason
