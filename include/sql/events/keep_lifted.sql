-- Lift suppressions whose newest word is older than an operator's lift of the address, but came in after it.
-- grain: one row per suppression
-- look-back: every lift of an operator; they are few
with newest as (
    select
        suppression.address,
        suppression.scope,
        suppression.reason,
        max(suppression_lift.lifted_at) as lifted_at
    from event.suppression_lift
    inner join event.suppression on suppression_lift.address = suppression.address
    where
        suppression.lifted_at is null
        and coalesce(suppression.last_suppressed_at, suppression.suppressed_at) < suppression_lift.lifted_at
        and (suppression_lift.reasons is null or suppression.reason = any(suppression_lift.reasons))
    group by suppression.address, suppression.scope, suppression.reason
)

update event.suppression
set lifted_at = newest.lifted_at
from newest
where
    suppression.address = newest.address
    and suppression.scope = newest.scope
    and suppression.reason = newest.reason
