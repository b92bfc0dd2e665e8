-- Step 3 of noticing: note for ready series without a next step what the file lost before it came due for them, so that
-- no step of a series goes without a word.
-- grain: one row per series and step taken out
-- campaign text; as_of timestamptz
-- look-back: none
insert into journey.step_due (
    enrollment_id, step, campaign, customer_id, variant, due_at, noticed_at, refusal, after_end
)
select
    ready.enrollment_id,
    step.step,
    cast(:campaign as text) as campaign,
    ready.customer_id,
    'default' as variant,
    coalesce(
        ready.steps_from + step.after_hours * interval '1 hour', cast(:as_of as timestamptz)
    ) as due_at,
    cast(:as_of as timestamptz) as noticed_at,
    'step_gone' as refusal,
    coalesce(step.due ? 'ends', false) as after_end
from ready
inner join journey.enrollment on ready.enrollment_id = enrollment.enrollment_id
inner join journey.step on ready.enrollment_id <= step.taken_out_after
where
    step.campaign = cast(:campaign as text)
    and ready.next_step is null
    and journey.follows(step.due -> 'ends', enrollment.end_reason)
order by ready.enrollment_id, step.after_hours
on conflict (enrollment_id, step) do nothing
