-- Step 2 of noticing where steps do not all count from the enrollment: note the steps that are due.
-- grain: one row per step noted
-- campaign text; first_name text: what it was called first; as_of timestamptz
-- look-back: none
insert into journey.step_due (
    enrollment_id, step, campaign, customer_id, variant, due_at, noticed_at, refusal, after_end
)
select
    moment.enrollment_id,
    moment.step,
    cast(:campaign as text) as campaign,
    moment.customer_id,
    journey.arm_of(cast(:first_name as text), moment.step, moment.dealt_as, moment.variants) as variant,
    coalesce(moment.due_at, cast(:as_of as timestamptz)) as due_at,
    cast(:as_of as timestamptz) as noticed_at,
    moment.refusal,
    moment.after_end
from moment
where moment.is_due
order by moment.enrollment_id, moment.due_at nulls last, moment.position
on conflict (enrollment_id, step) do nothing
