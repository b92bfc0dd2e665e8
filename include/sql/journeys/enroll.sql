-- Last but one step of enrolling: begin the series of those who enter. One is left out while a series of the campaign
-- is running, or if the last one began too short a time ago. The same statement notes the steps that are due at once,
-- and the first step after them as the one awaited. So nothing has to be moved on before that step comes due.
-- grain: one row per run; enrolled = series begun, steps = their steps that are due
-- campaign, segment text; first_name text: what the campaign was called first; as_of timestamptz;
-- holdout_ratio 0..1; epoch integer: the one of these shares; reenter_after_days days (null = those who enter were
-- chosen by it);
-- followed: the rows of journeys/followed, or of journeys/none_followed: entrants whose thing had a series of another
-- customer. One that goes on with it keeps its arm, and continue_series.sql notes its steps. A series of the entrant's
-- own does not count if it ended because the thing had moved
-- due_steps jsonb: [{step, after_hours, variants: [{variant, up_to}]}] due at enrollment;
-- next_step text and next_after_hours hours of the first step after them (null = none is left)
-- look-back: enrollments of the last reenter_after_days days, and all running ones
-- There is no `on conflict`. Runs of one campaign take turns, and rows that could conflict are left out here and by the
-- candidates. To check three unique keys before each row would cost half as much again as the insert.
with begun as (
    insert into journey.enrollment (
        campaign, customer_id, occurrence, occurred_at, context, enrolled_at, is_holdout, epoch, continues, steps_from
    )
    select
        cast(:campaign as text) as campaign,
        entering.customer_id,
        entering.occurrence,
        entering.occurred_at,
        membership.context,
        cast(:as_of as timestamptz) as enrolled_at,
        case
            when thing.continues is not null then thing.is_holdout
            else
                journey.ratio_of('holdout/' || cast(:first_name as text) || '/' || entering.customer_id)
                < cast(:holdout_ratio as double precision)
        end as is_holdout,
        cast(:epoch as integer) as epoch,
        thing.continues,
        thing.steps_from
    from entering
    inner join segment.membership
        on
            membership.segment = cast(:segment as text)
            and entering.customer_id = membership.customer_id
            and entering.occurrence = membership.occurrence
            and entering.entered_at = membership.entered_at
    left join followed as thing
        on entering.customer_id = thing.customer_id and entering.occurrence = thing.occurrence
    where
        not exists (
            select 1
            from journey.enrollment as other
            where
                other.campaign = cast(:campaign as text)
                and other.customer_id = entering.customer_id
                and (
                    other.ended_at is null
                    or (
                        other.end_reason <> 'superseded'
                        and (
                            thing.thing is null
                            or other.end_reason not in ('cart_moved', 'purchase_moved')
                            or thing.thing is distinct from journey.thing_of(other.context)
                        )
                        and other.enrolled_at
                        > cast(:as_of as timestamptz)
                        - cast(:reenter_after_days as double precision) * interval '24 hours'
                    )
                )
        )
    returning
        enrollment.enrollment_id, enrollment.customer_id, enrollment.occurrence, enrollment.enrolled_at,
        enrollment.continues
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
    where begun.continues is null
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
    where cast(:next_after_hours as double precision) is not null and begun.continues is null
    returning upcoming.enrollment_id
),

-- An occurrence that waited has its series now: its row in journey.enrollment says so.
waited as (
    delete from journey.occurrence
    using begun
    where
        occurrence.customer_id = begun.customer_id
        and occurrence.campaign = cast(:campaign as text)
        and occurrence.occurrence = begun.occurrence
        and occurrence.fate = 'waiting'
    returning occurrence.customer_id
)

select
    (select count(*) from begun) as enrolled,
    (select count(*) from noticed) as steps
