-- Give shared series the context of the occurrences that go on, their own one first. A mail that is planned is rendered
-- from it when it is claimed.
-- grain: one row per series
-- enrollment_ids bigint[]
-- look-back: occurrences of the series
with shared as (
    select
        occurrence.enrollment_id,
        count(*) - 1 as joined,
        jsonb_agg(
            occurrence.context
            order by occurrence.fate <> 'enrolled', occurrence.occurred_at, occurrence.occurrence
        ) filter (where occurrence.ended_at is null) as contexts
    from journey.occurrence
    where
        occurrence.enrollment_id = any(cast(:enrollment_ids as bigint[]))
        and occurrence.fate in ('enrolled', 'joined')
    group by occurrence.enrollment_id
)

update journey.enrollment
set
    joined = shared.joined,
    context = journey.context_of(shared.contexts)
from shared
where
    enrollment.enrollment_id = shared.enrollment_id
    and shared.contexts is not null
