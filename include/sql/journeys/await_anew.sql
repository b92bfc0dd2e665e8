-- Let every series await the first step of the present file that was not noted for it yet. A series that ended keeps
-- the moment it has. If the file has no such step left, the next run notes what was taken out.
-- grain: one row per series that awaits a step
-- campaign text; as_of timestamptz; steps jsonb: [{position, step, after_hours, variants: [{variant, up_to}]}]
-- look-back: running series, and ended ones with a step left
with step as (
    select
        given.position,
        given.step,
        given.after_hours
    from jsonb_to_recordset(cast(:steps as jsonb))
        as given (position integer, step text, after_hours double precision)
),

series as (
    select
        enrollment.enrollment_id,
        coalesce(enrollment.steps_from, enrollment.enrolled_at) as steps_from,
        cast(null as timestamptz) as ended_due_at
    from journey.enrollment
    where enrollment.campaign = cast(:campaign as text) and enrollment.ended_at is null
    union all
    select
        enrollment.enrollment_id,
        coalesce(enrollment.steps_from, enrollment.enrolled_at) as steps_from,
        upcoming.due_at as ended_due_at
    from journey.upcoming
    inner join journey.enrollment on upcoming.enrollment_id = enrollment.enrollment_id
    where upcoming.campaign = cast(:campaign as text) and enrollment.ended_at is not null
)

insert into journey.upcoming (enrollment_id, campaign, due_at, step)
select
    series.enrollment_id,
    cast(:campaign as text) as campaign,
    coalesce(series.ended_due_at, later.due_at, cast(:as_of as timestamptz)) as due_at,
    later.step
from series
left join lateral (
    select
        step.step,
        series.steps_from + step.after_hours * interval '1 hour' as due_at
    from step
    where
        not exists (
            select 1
            from journey.step_due
            where step_due.enrollment_id = series.enrollment_id and step_due.step = step.step
        )
    order by step.position
    limit 1
) as later on true
where
    later.step is not null
    or exists (select 1 from journey.upcoming where upcoming.enrollment_id = series.enrollment_id)
order by series.enrollment_id
on conflict (enrollment_id) do update set
    due_at = excluded.due_at,
    step = excluded.step
