-- Step 2 of enrolling: running series whose customer has a newer occurrence.
-- grain: one row per enrollment; goes_on: it goes on with another customer's series that has sent something
-- campaign text; as_of timestamptz
-- look-back: running enrollments
create temporary table outdated on commit drop as
select
    enrollment.enrollment_id,
    enrollment.customer_id,
    enrollment.is_holdout,
    enrollment.continues is not null as goes_on
from candidate
inner join journey.enrollment
    on
        candidate.customer_id = enrollment.customer_id
        and enrollment.campaign = cast(:campaign as text)
        and enrollment.ended_at is null
        and candidate.place = 1
        and not candidate.is_too_soon
        and candidate.occurred_at > enrollment.occurred_at
        and enrollment.enrolled_at <= cast(:as_of as timestamptz)
