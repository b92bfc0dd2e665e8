-- Step 1 of noticing: the series whose next step came due by as_of, each with the step that it awaits after that. If a
-- series has ended, every step left is due.
-- grain: one row per enrollment; next_position, next_due_at null = no step is left
-- campaign text; as_of timestamptz; steps jsonb: [{position, step, after_hours, variants: [{variant, up_to}]}]
-- look-back: enrollments with a step left
create temporary table ready on commit drop as
with step as (
    select
        given.position,
        given.after_hours
    from jsonb_to_recordset(cast(:steps as jsonb)) as given (position integer, after_hours double precision)
)

select
    upcoming.enrollment_id,
    upcoming.position,
    enrollment.customer_id,
    enrollment.enrolled_at,
    enrollment.ended_at is not null as has_ended,
    later.position as next_position,
    later.due_at as next_due_at
from journey.upcoming
inner join journey.enrollment on upcoming.enrollment_id = enrollment.enrollment_id
left join lateral (
    select
        step.position,
        enrollment.enrolled_at + step.after_hours * interval '1 hour' as due_at
    from step
    where
        enrollment.ended_at is null
        and step.position >= upcoming.position
        and enrollment.enrolled_at + step.after_hours * interval '1 hour' > cast(:as_of as timestamptz)
    order by step.position
    limit 1
) as later on true
where
    upcoming.campaign = cast(:campaign as text)
    and upcoming.due_at <= cast(:as_of as timestamptz)
