-- End running series if a fact that ends them happened at or before as_of. The earliest fact names the reason. Steps
-- that they still await come due at once, so that each gets its decision.
-- grain: one row per run; ended = enrollments ended
-- campaign, topic text; as_of timestamptz; goal_facts text[]: exit words that are the goal itself, named 'converted'
-- exit_words: the words of journeys/exits that end the campaign's series; they read `series`
-- look-back: running enrollments and the facts since each began
with series as not materialized (  -- noqa: ST03
    select
        enrollment.enrollment_id,
        enrollment.campaign,
        -- A process that began before a topic was renamed asks by the former name.
        (select installation.topic_called(cast(:topic as text))) as topic,
        enrollment.customer_id,
        enrollment.occurred_at,
        enrollment.enrolled_at,
        enrollment.context,
        true as may_have_left
    from journey.enrollment
    where enrollment.campaign = cast(:campaign as text) and enrollment.ended_at is null
),

first_fact as (
    select distinct on (exit_fact.enrollment_id)
        exit_fact.enrollment_id,
        exit_fact.reason,
        exit_fact.exited_at
    from exit_words as exit_fact
    where exit_fact.exited_at <= cast(:as_of as timestamptz)
    order by exit_fact.enrollment_id asc, exit_fact.exited_at asc, exit_fact.reason asc
),

ended as (
    update journey.enrollment
    set
        ended_at = greatest(first_fact.exited_at, enrollment.enrolled_at),
        end_reason = case
            when first_fact.reason = any(cast(:goal_facts as text[])) then 'converted'
            else first_fact.reason
        end
    from first_fact
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
