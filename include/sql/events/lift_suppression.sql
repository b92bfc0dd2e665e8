-- Lift suppressions that this step touched, if the newest resubscription is later than the newest time at which the
-- suppression was said. At the same second the suppression wins.
-- grain: one row per suppression changed
-- batch_id bigint
with touched as (
    select
        suppression.address,
        suppression.scope,
        suppression.reason,
        resubscription.resubscribed_at
    from event.suppression
    inner join event.resubscription
        on suppression.address = resubscription.address and suppression.scope = resubscription.scope
    where
        (
            suppression.batch_id = cast(:batch_id as bigint)
            or resubscription.batch_id = cast(:batch_id as bigint)
        )
        and suppression.reason = 'unsubscribed'
        and resubscription.resubscribed_at
        > coalesce(suppression.last_suppressed_at, suppression.suppressed_at)
)

update event.suppression
set
    lifted_at = greatest(suppression.lifted_at, touched.resubscribed_at),
    batch_id = cast(:batch_id as bigint)
from touched
where
    suppression.address = touched.address
    and suppression.scope = touched.scope
    and suppression.reason = touched.reason
