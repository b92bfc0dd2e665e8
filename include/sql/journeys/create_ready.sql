-- Step 1 of noticing: the series whose next step came due by as_of, each with the step that it awaits after that. If a
-- series has ended, every step left is due.
-- grain: one row per enrollment; position null = the file has no step left for it; next_step, next_due_at null = none
-- is left after this run
-- campaign text; as_of timestamptz; steps jsonb: [{position, step, after_hours, variants: [{variant, up_to}]}]
-- has_changed boolean: steps changed places at some time, so that a later one may have been noted already
-- look-back: enrollments with a step left
create temporary table ready on commit drop as
with step as (
    select
        given.position,
        given.step,
        given.after_hours
    from jsonb_to_recordset(cast(:steps as jsonb))
        as given (position integer, step text, after_hours double precision)
)

select
    upcoming.enrollment_id,
    awaited.position,
    enrollment.customer_id,
    -- Who goes on with a series is dealt as its first customer was.
    case
        when enrollment.continues is null then enrollment.customer_id
        else (
            select first.customer_id
            from journey.enrollment as first
            where first.enrollment_id = enrollment.continues
        )
    end as dealt_as,
    began.steps_from,
    enrollment.ended_at is not null as has_ended,
    later.step as next_step,
    later.due_at as next_due_at
from journey.upcoming
inner join journey.enrollment on upcoming.enrollment_id = enrollment.enrollment_id
cross join lateral (select coalesce(enrollment.steps_from, enrollment.enrolled_at) as steps_from) as began
left join step as awaited on upcoming.step = awaited.step
left join lateral (
    select
        step.step,
        began.steps_from + step.after_hours * interval '1 hour' as due_at
    from step
    where
        enrollment.ended_at is null
        and step.position >= awaited.position
        and began.steps_from + step.after_hours * interval '1 hour' > cast(:as_of as timestamptz)
        and not (
            cast(:has_changed as boolean)
            and exists (
                select 1
                from journey.step_due
                where step_due.enrollment_id = upcoming.enrollment_id and step_due.step = step.step
            )
        )
    order by step.position
    limit 1
) as later on true
where
    upcoming.campaign = cast(:campaign as text)
    and upcoming.due_at <= cast(:as_of as timestamptz)
