-- Steps that the running series of one customer in one campaign waits for: those without a decision yet, and the one
-- that comes due next. The rows have columns of journey.step_due. `why` puts them in for that table in create_due.
-- grain: one row per step
-- step_due_id: the order in which they are decided; lane: 0
-- campaign, customer_id text; first_name text: what the campaign was called first, by which people are dealt
-- steps jsonb: [{position, step, after_hours, variants: [{variant, up_to}]}]
-- look-back: running enrollments of the customer
select
    row_number() over (order by waiting.step_due_id nulls last) as step_due_id,
    waiting.enrollment_id,
    waiting.step,
    enrollment.campaign,
    enrollment.customer_id,
    waiting.variant,
    waiting.due_at,
    waiting.refusal,
    false as after_end,
    cast(0 as smallint) as lane
from journey.enrollment
left join journey.enrollment as first on enrollment.continues = first.enrollment_id
inner join
    lateral (
        select
            step_due.step_due_id,
            step_due.enrollment_id,
            step_due.step,
            step_due.variant,
            step_due.due_at,
            step_due.refusal
        from journey.step_due
        left join decision.progress on step_due.campaign = progress.campaign and step_due.lane = progress.lane
        where
            step_due.enrollment_id = enrollment.enrollment_id
            and step_due.step_due_id > coalesce(progress.last_step_due_id, 0)
        union all
        select
            null as step_due_id,
            upcoming.enrollment_id,
            step.step,
            journey.arm_of(
                cast(:first_name as text), step.step, coalesce(first.customer_id, enrollment.customer_id), step.variants
            ) as variant,
            upcoming.due_at,
            null as refusal
        from journey.upcoming
        inner join
            jsonb_to_recordset(cast(:steps as jsonb)) as step (step text, variants jsonb)
            on upcoming.step = step.step
        where upcoming.enrollment_id = enrollment.enrollment_id
    ) as waiting
    on enrollment.enrollment_id = waiting.enrollment_id
where
    enrollment.campaign = cast(:campaign as text)
    and enrollment.customer_id = cast(:customer_id as text)
    and enrollment.ended_at is null
