-- Note the steps that came due by as_of, and every remaining step of a series that ended early, so that each step
-- of each enrollment gets its decision. What is due at enrollment itself was noted by enroll.sql.
-- grain: one row a run; steps = steps noted
-- campaign text; as_of timestamptz; steps jsonb: [{position, step, after_hours, variants: [{variant, up_to}]}]
-- look-back: enrollments with a step left
with step as (
    select
        given.position,
        given.step,
        given.after_hours,
        given.variants
    from jsonb_to_recordset(cast(:steps as jsonb))
        as given (position integer, step text, after_hours double precision, variants jsonb)
),

-- `next_position` is looked up beside each row, not joined: fresh enrollments have no statistics to plan a join by.
ready as materialized (
    select
        upcoming.enrollment_id,
        upcoming.position,
        enrollment.customer_id,
        enrollment.enrolled_at,
        enrollment.ended_at,
        case
            when enrollment.ended_at is null then (
                select min(step.position)
                from step
                where
                    step.position >= upcoming.position
                    and enrollment.enrolled_at + step.after_hours * interval '1 hour' > cast(:as_of as timestamptz)
            )
        end as next_position
    from journey.upcoming
    inner join journey.enrollment on upcoming.enrollment_id = enrollment.enrollment_id
    where
        upcoming.campaign = cast(:campaign as text)
        and upcoming.due_at <= cast(:as_of as timestamptz)
),

due as (
    select
        ready.enrollment_id,
        ready.customer_id,
        step.position,
        step.step,
        step.variants,
        ready.enrolled_at + step.after_hours * interval '1 hour' as due_at
    from ready
    inner join step on ready.position <= step.position
    where
        ready.ended_at is not null
        or ready.enrolled_at + step.after_hours * interval '1 hour' <= cast(:as_of as timestamptz)
),

noticed as (
    insert into journey.step_due (enrollment_id, step, campaign, customer_id, variant, due_at, noticed_at)
    select
        due.enrollment_id,
        due.step,
        cast(:campaign as text) as campaign,
        due.customer_id,
        journey.arm_of(cast(:campaign as text), due.step, due.customer_id, due.variants) as variant,
        due.due_at,
        cast(:as_of as timestamptz) as noticed_at
    from due
    order by due.enrollment_id, due.position
    on conflict (enrollment_id, step) do nothing
    returning step_due.enrollment_id
),

moved as (
    update journey.upcoming
    set
        position = step.position,
        due_at = ready.enrolled_at + step.after_hours * interval '1 hour'
    from ready
    inner join step on ready.next_position = step.position
    where upcoming.enrollment_id = ready.enrollment_id
    returning upcoming.enrollment_id
),

through as (
    delete from journey.upcoming
    using ready
    where upcoming.enrollment_id = ready.enrollment_id and ready.next_position is null
    returning upcoming.enrollment_id
)

select
    (select count(*) from noticed) as steps,
    (select count(*) from moved) as moved,
    (select count(*) from through) as through
