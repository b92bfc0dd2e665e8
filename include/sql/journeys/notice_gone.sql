-- Step 3 of noticing: note for ready series without a next step what the file lost before it came due for them, so that
-- no step of a series goes without a word.
-- grain: one row per series and step taken out
-- campaign text; as_of timestamptz
-- look-back: none
insert into journey.step_due (enrollment_id, step, campaign, customer_id, variant, due_at, noticed_at, refusal)
select
    ready.enrollment_id,
    step.step,
    cast(:campaign as text) as campaign,
    ready.customer_id,
    'default' as variant,
    ready.steps_from + step.after_hours * interval '1 hour' as due_at,
    cast(:as_of as timestamptz) as noticed_at,
    'step_gone' as refusal
from ready
inner join journey.step on ready.enrollment_id <= step.taken_out_after
where step.campaign = cast(:campaign as text) and ready.next_step is null
order by ready.enrollment_id, step.after_hours
on conflict (enrollment_id, step) do nothing
