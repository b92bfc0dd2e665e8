-- Move the mails of one attempt from the given states to another, with the reason.
-- grain: one row: how many moved, and if keys_wanted, which ones, each as '<enrollment_id>/<step>'
-- attempt_id bigint; from_states text[]; state, reason text; at timestamptz;
-- only_steps text[] of '<enrollment_id>/<step>' (null = every mail of the attempt)
-- keys_wanted boolean
-- look-back: mails of the attempt
with moved as (
    update message.message
    set
        state = cast(:state as text),
        reason = cast(:reason as text),
        accepted_at = case
            when cast(:state as text) = 'accepted' then coalesce(message.accepted_at, cast(:at as timestamptz))
            else message.accepted_at
        end,
        settled_at = case
            when cast(:state as text) in ('accepted', 'rejected', 'abandoned', 'cancelled')
                then cast(:at as timestamptz)
        end,
        lease_until = null
    where
        message.attempt_id = cast(:attempt_id as bigint)
        and message.state = any(cast(:from_states as text[]))
        and (
            cast(:only_steps as text[]) is null
            or message.enrollment_id::text || '/' || message.step = any(cast(:only_steps as text[]))
        )
    returning message.enrollment_id, message.step
)

select
    count(*) as mails,
    array_agg(moved.enrollment_id || '/' || moved.step) filter (where cast(:keys_wanted as boolean)) as keys
from moved
