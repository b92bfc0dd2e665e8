-- End running series of one occurrence if a fact that ends them happened at or before as_of. The earliest fact names
-- the reason. Steps that they still await come due at once, so that each gets its decision. end_parts.sql is for series
-- of several.
-- grain: one row per run; ended = enrollments ended
-- as_of timestamptz, and what journeys/first_exit binds
-- first_exit: the rows of journeys/first_exit
-- look-back: running enrollments and the facts since each began
with ended as (
    update journey.enrollment
    set
        ended_at = greatest(first_fact.exited_at, enrollment.enrolled_at),
        end_reason = first_fact.end_reason
    from first_exit as first_fact
    where
        enrollment.enrollment_id = first_fact.enrollment_id
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
