-- What decisions/awaited gives, where steps do not all count from the enrollment: the steps of one customer's series in
-- one campaign without a decision, and those ahead whose moment is known. The rows have columns of journey.step_due.
-- grain: one row per step
-- step_due_id: the order in which they are decided; lane: 0
-- campaign, customer_id text; first_name text: what the campaign was called first, by which people are dealt
-- steps jsonb: as in journeys/step_moment, whose rows step_moment is
-- look-back: running series of the customer, and ended ones that await a step
with looked as (
    select
        enrollment.enrollment_id,
        enrollment.customer_id,
        coalesce(first.customer_id, enrollment.customer_id) as dealt_as,
        coalesce(enrollment.steps_from, enrollment.enrolled_at) as steps_from,
        enrollment.context,
        enrollment.ended_at,
        enrollment.end_reason
    from journey.enrollment
    left join journey.enrollment as first on enrollment.continues = first.enrollment_id
    where
        enrollment.campaign = cast(:campaign as text)
        and enrollment.customer_id = cast(:customer_id as text)
        and (
            enrollment.ended_at is null
            or exists (select 1 from journey.upcoming where upcoming.enrollment_id = enrollment.enrollment_id)
        )
),

waiting as (
    select
        step_due.step_due_id,
        step_due.enrollment_id,
        step_due.step,
        step_due.variant,
        step_due.due_at,
        step_due.refusal,
        step_due.after_end
    from looked
    inner join journey.step_due on looked.enrollment_id = step_due.enrollment_id
    left join decision.progress on step_due.campaign = progress.campaign and step_due.lane = progress.lane
    where step_due.step_due_id > coalesce(progress.last_step_due_id, 0)
    union all
    select
        null as step_due_id,
        looked.enrollment_id,
        told.step,
        journey.arm_of(cast(:first_name as text), told.step, looked.dealt_as, told.variants) as variant,
        told.due_at,
        told.refusal,
        told.after_end
    from looked
    inner join step_moment as told on looked.enrollment_id = told.enrollment_id
    where told.due_at is not null and (looked.ended_at is null or told.after_end)
)

select
    row_number() over (order by waiting.step_due_id nulls last, waiting.due_at) as step_due_id,
    waiting.enrollment_id,
    waiting.step,
    cast(:campaign as text) as campaign,
    cast(:customer_id as text) as customer_id,
    waiting.variant,
    waiting.due_at,
    waiting.refusal,
    waiting.after_end,
    cast(0 as smallint) as lane
from waiting
