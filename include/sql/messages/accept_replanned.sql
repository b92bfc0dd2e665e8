-- planned → accepted: an answer that comes late ends mails of its attempt that the policy 'resend' planned again.
-- grain: one row per mail
-- attempt_id bigint; enrollment_ids bigint[], steps text[] side by side; at timestamptz
-- look-back: none
with replanned as (
    select
        mail.enrollment_id,
        mail.step
    from unnest(cast(:enrollment_ids as bigint[]), cast(:steps as text[])) as taken (enrollment_id, step)
    inner join lateral (
        select
            message.enrollment_id,
            message.step
        from message.message
        where
            message.enrollment_id = taken.enrollment_id
            and message.step = taken.step
            and message.attempt_id = cast(:attempt_id as bigint)
        -- Keeps this an index probe per mail.
        offset 0
    ) as mail on true
)

update message.message
set
    state = 'accepted',
    reason = null,
    accepted_at = cast(:at as timestamptz),
    settled_at = cast(:at as timestamptz),
    lease_until = null
from replanned
where
    -- Also as a list, so that each is an index probe. The join alone would read all messages.
    message.enrollment_id = any(array(select listed.enrollment_id from replanned as listed))
    and message.enrollment_id = replanned.enrollment_id
    and message.step = replanned.step
    and message.attempt_id = cast(:attempt_id as bigint)
    -- In a case, so that the planner chooses no index by state.
    and case message.state when 'planned' then true else false end
