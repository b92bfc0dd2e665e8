-- Whether the latest answered requests of all workers all ended without a clear answer.
-- grain: one row
-- requests integer: number of requests to look at
-- look-back: that number of attempts
select count(*) = cast(:requests as integer) and bool_and(latest.outcome = 'in_doubt') as is_unclear
from (
    select attempt.outcome
    from delivery.attempt
    -- An attempt that is in doubt only because its lease ended says nothing about the provider. It was never finished.
    -- A refused connection or a request that was never made says nothing either.
    where
        attempt.finished_at is not null
        and (attempt.outcome <> 'returned' or attempt.http_status is not null)
    order by attempt.attempt_id desc
    limit cast(:requests as integer)
) as latest
