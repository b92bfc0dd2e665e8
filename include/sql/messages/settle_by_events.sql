-- Settle by evidence: any event with a message's id proves that the provider took the mail, whatever we knew before.
-- If no time of acceptance was recorded, the time of the earliest event is used. An earlier event that arrives later
-- moves it, so the order of arrival does not matter.
-- grain: one row per message moved
-- look-back: the mails that the ingest did not find plainly accepted
with evidence as (
    select
        engagement.enrollment_id,
        engagement.step,
        engagement.first_event_at
    from event_folded as folded
    inner join lateral (
        select known.*
        from event.engagement as known
        where known.enrollment_id = folded.enrollment_id and known.step = folded.step
        -- Here and below, keeps this an index probe per message, however many messages there are.
        offset 0
    ) as engagement on true
    where folded.may_settle and engagement.first_event_at is not null
),

doubtful as (
    select
        message.enrollment_id,
        message.step,
        message.state,
        evidence.first_event_at
    from evidence
    inner join lateral (
        select message.*
        from message.message
        where message.enrollment_id = evidence.enrollment_id and message.step = evidence.step
        offset 0
    ) as message on true
    where
        message.state in ('claimed', 'in_doubt', 'abandoned')
        -- The policy 'resend' planned it again, or it has ended. The evidence came after all and stops the second mail.
        or (message.state in ('planned', 'cancelled', 'rejected') and message.attempt_id is not null)
        or (
            message.state = 'accepted'
            and message.reason = 'settled_by_event'
            and message.accepted_at > evidence.first_event_at
        )
),

settled as (
    update message.message
    set
        state = 'accepted',
        reason = 'settled_by_event',
        accepted_at = least(message.accepted_at, doubtful.first_event_at),
        settled_at = least(message.accepted_at, doubtful.first_event_at),
        lease_until = null
    from doubtful
    where
        -- Again as a list, so that each is an index probe. The join alone would read all messages.
        message.enrollment_id = any(array(select listed.enrollment_id from doubtful as listed))
        and message.enrollment_id = doubtful.enrollment_id
        and message.step = doubtful.step
        -- Checked again on the row as it is now, because a worker may have recorded its answer since. The planner does
        -- not estimate a case. By statistics from before the delivery no mail is in doubt, and it would choose a plan
        -- that compares each mail with all.
        and case
            when message.state in ('claimed', 'in_doubt', 'abandoned') then true
            when message.state in ('planned', 'cancelled', 'rejected') then message.attempt_id is not null
            when message.state = 'accepted'
                then message.reason = 'settled_by_event' and message.accepted_at > doubtful.first_event_at
            else false
        end
    returning doubtful.state as state_before
)

select count(*) filter (where settled.state_before <> 'accepted') as messages
from settled
