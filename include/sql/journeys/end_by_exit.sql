-- End running series for which a fact that ends them happened at or before as_of; the earliest fact names the reason.
-- Steps they still await come due at once, for their decision.
-- grain: one row a run; ended = enrollments ended
-- campaign text; as_of timestamptz; goal_facts text[]: exit facts that are the goal itself, named 'converted'
-- look-back: running enrollments and the facts since each began
with first_fact as (
    select distinct on (exit_fact.enrollment_id)
        exit_fact.enrollment_id,
        exit_fact.fact,
        exit_fact.exited_at
    from journey.exit_fact
    where
        exit_fact.campaign = cast(:campaign as text)
        and exit_fact.exited_at <= cast(:as_of as timestamptz)
    order by exit_fact.enrollment_id asc, exit_fact.exited_at asc, exit_fact.fact asc
),

ended as (
    update journey.enrollment
    set
        ended_at = greatest(first_fact.exited_at, enrollment.enrolled_at),
        end_reason = case
            when first_fact.fact = any(cast(:goal_facts as text[])) then 'converted'
            else first_fact.fact
        end
    from first_fact
    where
        enrollment.enrollment_id = first_fact.enrollment_id
        and enrollment.ended_at is null
    returning enrollment.enrollment_id
),

hastened as (
    update journey.upcoming
    set due_at = least(upcoming.due_at, cast(:as_of as timestamptz))
    from ended
    where upcoming.enrollment_id = ended.enrollment_id
    returning upcoming.enrollment_id
)

select count(*) as ended
from ended
