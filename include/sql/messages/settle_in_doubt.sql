-- in_doubt → abandoned | planned: no evidence came in time, so the topic's policy decides. The time counts only
-- once events later than the attempt by as much have been ingested: a silent feed never causes a second mail.
-- grain: one row a mail
-- topic text; state 'abandoned' or 'planned'; settle_after_hours hours; now timestamptz
-- look-back: mails in doubt
with settled as (
    select
        message.enrollment_id,
        message.step
    from message.message
    where
        message.state = 'in_doubt'
        and installation.topic_called(message.topic) = cast(:topic as text)
        and message.claimed_at + cast(:settle_after_hours as double precision) * interval '1 hour'
        <= cast(:now as timestamptz)
        and exists (
            select 1
            from event.batch
            where
                batch.newest_at
                >= message.claimed_at + cast(:settle_after_hours as double precision) * interval '1 hour'
        )
    for update skip locked
)

update message.message
set
    state = cast(:state as text),
    reason = case cast(:state as text) when 'planned' then 'resend' else 'no_evidence' end,
    settled_at = case cast(:state as text) when 'abandoned' then cast(:now as timestamptz) end
from settled
where message.enrollment_id = settled.enrollment_id and message.step = settled.step
returning message.enrollment_id, message.step
