-- Step 1 of noticing where steps do not all count from the enrollment: the series to look at, each with the steps that
-- were not noted for it, and when they are due. If a series has ended, every step of it that is left is due.
-- grain: one row per enrollment and step; step null = none is left
-- is_due: it is noted in this run
-- campaign text; as_of timestamptz; is_over boolean: the campaign ends, and nothing stays ahead
-- steps jsonb: as in journeys/step_moment
-- step_moment: the rows of journeys/step_moment
-- look-back: enrollments with a step left
create temporary table moment on commit drop as
with looked as (
    select
        upcoming.enrollment_id,
        enrollment.customer_id,
        -- Who goes on with a series is dealt as its first customer was.
        coalesce(first.customer_id, enrollment.customer_id) as dealt_as,
        coalesce(enrollment.steps_from, enrollment.enrolled_at) as steps_from,
        enrollment.context,
        enrollment.ended_at,
        enrollment.end_reason
    from journey.upcoming
    inner join journey.enrollment on upcoming.enrollment_id = enrollment.enrollment_id
    left join journey.enrollment as first on enrollment.continues = first.enrollment_id
    where
        upcoming.campaign = cast(:campaign as text)
        and (upcoming.due_at <= cast(:as_of as timestamptz) or cast(:is_over as boolean))
)

select
    looked.enrollment_id,
    looked.customer_id,
    looked.dealt_as,
    looked.steps_from,
    looked.ended_at is not null as has_ended,
    told.position,
    told.step,
    told.variants,
    told.after_end,
    told.due_at,
    told.refusal,
    told.step is not null
    and (
        cast(:is_over as boolean)
        or told.refusal is not null
        or (looked.ended_at is not null and not told.after_end)
        or coalesce(told.due_at <= cast(:as_of as timestamptz), false)
    ) as is_due
from looked
left join step_moment as told on looked.enrollment_id = told.enrollment_id
