-- Lift the opt-out under one name of a topic if the return under the other name is later. At the same second the
-- suppression wins.
-- grain: one row per suppression
-- present text[]: scopes as they are called now
update event.suppression
set lifted_at = greatest(suppression.lifted_at, resubscription.resubscribed_at)
from event.resubscription
where
    suppression.scope in (select named.present from unnest(cast(:present as text[])) as named (present))
    and suppression.address = resubscription.address
    and suppression.scope = resubscription.scope
    and suppression.reason = 'unsubscribed'
    and resubscription.resubscribed_at > coalesce(suppression.last_suppressed_at, suppression.suppressed_at)
    and resubscription.resubscribed_at > coalesce(suppression.lifted_at, '-infinity')
