-- Step 3 of enrolling: end outdated series if no step of theirs was sent. Steps that they still await come due at
-- once, so that each gets its decision.
-- grain: one row per run; ended = enrollments ended
-- as_of timestamptz, and what journeys/begun_series binds
-- begun_series: the rows of journeys/begun_series
-- look-back: running series
with asked as (
    select
        outdated.enrollment_id,
        outdated.is_holdout
    from outdated
    where not outdated.goes_on
),

sent as (select begun.enrollment_id from begun_series as begun),

ended as (
    update journey.enrollment
    set
        ended_at = cast(:as_of as timestamptz),
        end_reason = 'superseded'
    where
        enrollment.enrollment_id = any(
            array(
                select asked.enrollment_id
                from asked
                where not exists (select 1 from sent where sent.enrollment_id = asked.enrollment_id)
            )
        )
        and enrollment.ended_at is null
    returning enrollment.enrollment_id
),

due_at_once as (
    update journey.upcoming
    set due_at = least(upcoming.due_at, cast(:as_of as timestamptz))
    where upcoming.enrollment_id = any(array(select ended.enrollment_id from ended))
    returning upcoming.enrollment_id
)

select count(*) as ended
from ended
