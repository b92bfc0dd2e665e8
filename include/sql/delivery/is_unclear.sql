-- Whether the latest requests that were answered at all, of whatever worker, all went without a clear answer.
-- grain: one row
-- requests integer: how many
-- look-back: so many attempts
select count(*) = cast(:requests as integer) and bool_and(latest.outcome = 'in_doubt') as is_unclear
from (
    select attempt.outcome
    from delivery.attempt
    -- What only the end of a lease put in doubt says nothing of the provider: it was never finished.
    -- Nor does a connection that was refused, or a request that was not made any more.
    where
        attempt.finished_at is not null
        and (attempt.outcome <> 'returned' or attempt.http_status is not null)
    order by attempt.attempt_id desc
    limit cast(:requests as integer)
) as latest
