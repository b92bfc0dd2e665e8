-- Step 3 of ending shared occurrences: a series ends with its last occurrence, and for its reason. Steps that it still
-- awaits come due at once, so that each gets its decision.
-- grain: one row per run; ended = enrollments ended
-- as_of timestamptz
-- look-back: occurrences of the struck series
with last_part as (
    select distinct on (occurrence.enrollment_id)
        occurrence.enrollment_id,
        occurrence.ended_at,
        occurrence.end_reason
    from struck
    inner join journey.occurrence on struck.enrollment_id = occurrence.enrollment_id
    where
        occurrence.fate in ('enrolled', 'joined')
        and not exists (
            select 1
            from journey.occurrence as other
            where
                other.enrollment_id = struck.enrollment_id
                and other.fate in ('enrolled', 'joined')
                and other.ended_at is null
        )
    order by occurrence.enrollment_id asc, occurrence.ended_at desc, occurrence.end_reason asc
),

ended as (
    update journey.enrollment
    set
        ended_at = greatest(last_part.ended_at, enrollment.enrolled_at),
        end_reason = last_part.end_reason
    from last_part
    where
        enrollment.enrollment_id = last_part.enrollment_id
        and enrollment.ended_at is null
    returning enrollment.enrollment_id
),

due_at_once as (
    update journey.upcoming
    set due_at = least(upcoming.due_at, cast(:as_of as timestamptz))
    from ended
    where upcoming.enrollment_id = ended.enrollment_id
    returning upcoming.enrollment_id
)

select count(*) as ended
from ended
