-- Enroll the segment's members at as_of: the newest occurrence of a customer that is not enrolled yet, where no
-- series of the campaign is running and the last one began long enough ago. The steps due at once are noted in
-- the same breath, and the first one after them is awaited: nothing has to be moved on before it comes.
-- grain: one row a run; enrolled = series begun, steps = steps of theirs that are due
-- campaign, segment text; as_of timestamptz; holdout_ratio 0..1; reenter_after_days days;
-- customer_from, customer_before text: the customers of this part (null = no bound);
-- due_steps jsonb: [{step, after_hours, variants: [{variant, up_to}]}] due at enrollment;
-- next_position integer and next_after_hours hours of the first step after them (hours null = none is left)
-- look-back: enrollments of the last reenter_after_days days, and all running ones
with member as (
    select distinct on (membership.customer_id)
        membership.customer_id,
        membership.occurrence,
        membership.occurred_at,
        membership.context
    from segment.membership
    where
        membership.segment = cast(:segment as text)
        and membership.entered_at <= cast(:as_of as timestamptz)
        and (membership.left_at is null or membership.left_at > cast(:as_of as timestamptz))
        and (cast(:customer_from as text) is null or membership.customer_id >= cast(:customer_from as text))
        and (cast(:customer_before as text) is null or membership.customer_id < cast(:customer_before as text))
        and not exists (
            select 1
            from journey.enrollment as known
            where
                known.campaign = cast(:campaign as text)
                and known.customer_id = membership.customer_id
                and known.occurrence = membership.occurrence
        )
    order by membership.customer_id asc, membership.occurred_at desc, membership.occurrence desc
),

-- No `on conflict`: runs of one campaign take turns, and what could conflict is left out above and below. Asking
-- three unique keys before each row cost half as much again as the insert.
begun as (
    insert into journey.enrollment (
        campaign, customer_id, occurrence, occurred_at, context, enrolled_at, is_holdout
    )
    select
        cast(:campaign as text) as campaign,
        member.customer_id,
        member.occurrence,
        member.occurred_at,
        member.context,
        cast(:as_of as timestamptz) as enrolled_at,
        journey.ratio_of('holdout/' || cast(:campaign as text) || '/' || member.customer_id)
        < cast(:holdout_ratio as double precision) as is_holdout
    from member
    where
        not exists (
            select 1
            from journey.enrollment as other
            where
                other.campaign = cast(:campaign as text)
                and other.customer_id = member.customer_id
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
        journey.arm_of(cast(:campaign as text), step.step, begun.customer_id, step.variants) as variant,
        begun.enrolled_at + step.after_hours * interval '1 hour' as due_at,
        cast(:as_of as timestamptz) as noticed_at
    from begun
    cross join
        jsonb_to_recordset(cast(:due_steps as jsonb)) as step (step text, after_hours double precision, variants jsonb)
    returning step_due.enrollment_id
),

awaited as (
    insert into journey.upcoming (enrollment_id, campaign, position, due_at)
    select
        begun.enrollment_id,
        cast(:campaign as text) as campaign,
        cast(:next_position as integer) as position,
        begun.enrolled_at + cast(:next_after_hours as double precision) * interval '1 hour' as due_at
    from begun
    where cast(:next_after_hours as double precision) is not null
    returning upcoming.enrollment_id
)

select
    (select count(*) from begun) as enrolled,
    (select count(*) from noticed) as steps
