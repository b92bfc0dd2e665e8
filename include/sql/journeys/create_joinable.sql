-- Step 1 of joining: running series of candidates' customers, if no mail of the series was claimed yet, and no step
-- decided for a customer who is held out. One that goes on with another customer's series has begun.
-- grain: one row per enrollment
-- campaign text; as_of timestamptz, and what journeys/begun_series binds
-- begun_series: the rows of journeys/begun_series
-- look-back: running enrollments
create temporary table joinable on commit drop as
with asked as (
    select
        enrollment.enrollment_id,
        enrollment.customer_id,
        enrollment.is_holdout
    from journey.enrollment
    where
        enrollment.campaign = cast(:campaign as text)
        and enrollment.ended_at is null
        and enrollment.continues is null
        and enrollment.enrolled_at <= cast(:as_of as timestamptz)
        and enrollment.customer_id in (select candidate.customer_id from candidate)
),

begun as (select sent.enrollment_id from begun_series as sent)

select
    asked.enrollment_id,
    asked.customer_id
from asked
where not exists (select 1 from begun where begun.enrollment_id = asked.enrollment_id)
