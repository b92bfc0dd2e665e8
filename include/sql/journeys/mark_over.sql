-- Step 1d of enrolling: mark the candidates that have to wait because another customer had a mail about their thing,
-- and let the customers' other occurrences move up.
-- grain: one row per candidate of these customers
-- look-back: none
update candidate
set
    is_too_soon = placed.is_over,
    place = placed.place
from (
    select
        known.customer_id,
        known.occurrence,
        coalesce(followed.is_over, false) as is_over,
        row_number() over (
            partition by known.customer_id
            order by coalesce(followed.is_over, false) asc, known.occurred_at desc, known.occurrence desc
        ) as place
    from candidate as known
    left join followed on known.customer_id = followed.customer_id and known.occurrence = followed.occurrence
    where known.customer_id in (select waits.customer_id from followed as waits where waits.is_over)
) as placed
where candidate.customer_id = placed.customer_id and candidate.occurrence = placed.occurrence
