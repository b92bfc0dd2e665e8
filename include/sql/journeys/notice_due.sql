-- Note the steps that came due by as_of, and every remaining step of a series that ended early, so that each step
-- of each enrollment gets its decision.
-- grain: one row a step that came due
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

-- `upcoming` is looked up beside each row, not joined: fresh enrollments have no statistics to plan a join by.
ready as (
    select
        enrollment.*,
        case
            when enrollment.ended_at is null then (
                select min(step.position)
                from step
                where
                    step.position >= enrollment.next_position
                    and enrollment.enrolled_at + step.after_hours * interval '1 hour' > cast(:as_of as timestamptz)
            )
        end as upcoming
    from journey.enrollment
    where
        enrollment.campaign = cast(:campaign as text)
        and enrollment.next_due_at <= cast(:as_of as timestamptz)
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
    inner join step on ready.next_position <= step.position
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
        case
            when jsonb_array_length(due.variants) = 0 then 'default'
            else journey.variant_of(
                'variant/' || cast(:campaign as text) || '/' || due.step || '/' || due.customer_id, due.variants
            )
        end as variant,
        due.due_at,
        cast(:as_of as timestamptz) as noticed_at
    from due
    order by due.enrollment_id, due.position
    on conflict (enrollment_id, step) do nothing
    returning step_due.enrollment_id
),

moved as (
    update journey.enrollment
    set
        next_position = coalesce(step.position, (select max(step.position) + 1 from step)),
        next_due_at = ready.enrolled_at + step.after_hours * interval '1 hour'
    from ready
    left join step on ready.upcoming = step.position
    where enrollment.enrollment_id = ready.enrollment_id
    returning enrollment.enrollment_id
)

select
    (select count(*) from noticed) as steps,
    (select count(*) from moved) as enrollments
