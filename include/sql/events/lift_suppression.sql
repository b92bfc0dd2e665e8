-- Lift what this step touched, where the newest yes at the mailbox is later than the newest time the suppression
-- was said. At the same second the suppression wins.
-- grain: one row a suppression changed
-- batch_id bigint
-- look-back: yeses at the mailboxes of the step
with touched as (
    select
        suppression.address,
        suppression.scope,
        suppression.reason,
        suppression.lifted_at,
        event.returned_at(suppression.address, suppression.scope) as returned_at
    from event.suppression
    where
        suppression.reason = 'unsubscribed'
        and exists (
            select 1 from event_said
            where event_said.address = suppression.address and event_said.scope = suppression.scope
        )
)

update event.suppression
set
    lifted_at = touched.returned_at,
    batch_id = cast(:batch_id as bigint)
from touched
where
    suppression.address = touched.address
    and suppression.scope = touched.scope
    and suppression.reason = touched.reason
    and touched.returned_at > coalesce(suppression.last_suppressed_at, suppression.suppressed_at)
    and (touched.lifted_at is null or touched.lifted_at < touched.returned_at)
