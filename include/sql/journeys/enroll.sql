-- Step 4 of enrolling: begin the series of candidates, where no series of the campaign is running and the last one
-- began long enough ago. The steps due at once are noted in the same statement, and the first one after them is
-- awaited: nothing has to be moved on before it comes.
-- grain: one row per run; enrolled = series begun, steps = steps of theirs that are due
-- campaign text; first_name text: what it was called first; as_of timestamptz;
-- holdout_ratio 0..1; reenter_after_days days;
-- due_steps jsonb: [{step, after_hours, variants: [{variant, up_to}]}] due at enrollment;
-- next_step text and next_after_hours hours of the first step after them (null = none is left)
-- look-back: enrollments of the last reenter_after_days days, and all running ones
-- No `on conflict`: runs of one campaign take turns, and what could conflict is left out here and by the candidates.
-- Asking three unique keys before each row cost half as much again as the insert.
with begun as (
    insert into journey.enrollment (
        campaign, customer_id, occurrence, occurred_at, context, enrolled_at, is_holdout
    )
    select
        cast(:campaign as text) as campaign,
        candidate.customer_id,
        candidate.occurrence,
        candidate.occurred_at,
        candidate.context,
        cast(:as_of as timestamptz) as enrolled_at,
        journey.ratio_of('holdout/' || cast(:first_name as text) || '/' || candidate.customer_id)
        < cast(:holdout_ratio as double precision) as is_holdout
    from candidate
    where
        not exists (
            select 1
            from journey.enrollment as other
            where
                other.campaign = cast(:campaign as text)
                and other.customer_id = candidate.customer_id
                and (
                    other.ended_at is null
                    or (
                        other.end_reason <> 'superseded'
                        and other.enrolled_at
                        > cast(:as_of as timestamptz)
                        - cast(:reenter_after_days as double precision) * interval '24 hours'
                    )
                )
        )
    returning enrollment.enrollment_id, enrollment.customer_id, enrollment.enrolled_at
),

noticed as (
    insert into journey.step_due (enrollment_id, step, campaign, customer_id, variant, due_at, noticed_at)
    select
        begun.enrollment_id,
        step.step,
        cast(:campaign as text) as campaign,
        begun.customer_id,
        journey.arm_of(cast(:first_name as text), step.step, begun.customer_id, step.variants) as variant,
        begun.enrolled_at + step.after_hours * interval '1 hour' as due_at,
        cast(:as_of as timestamptz) as noticed_at
    from begun
    cross join
        jsonb_to_recordset(cast(:due_steps as jsonb)) as step (step text, after_hours double precision, variants jsonb)
    returning step_due.enrollment_id
),

awaited as (
    insert into journey.upcoming (enrollment_id, campaign, due_at, step)
    select
        begun.enrollment_id,
        cast(:campaign as text) as campaign,
        begun.enrolled_at + cast(:next_after_hours as double precision) * interval '1 hour' as due_at,
        cast(:next_step as text) as step
    from begun
    where cast(:next_after_hours as double precision) is not null
    returning upcoming.enrollment_id
)

select
    (select count(*) from begun) as enrolled,
    (select count(*) from noticed) as steps
