-- Step 2 of noticing: note the steps of ready series that came due by as_of. If a series ended early, note every step
-- that remains, so that every step gets its decision. enroll.sql notes the steps that are due at enrollment itself.
-- grain: one row per step noted
-- campaign text; first_name text: what it was called first; as_of timestamptz;
-- steps jsonb: [{position, step, after_hours, variants: [{variant, up_to}]}]
-- look-back: none
insert into journey.step_due (enrollment_id, step, campaign, customer_id, variant, due_at, noticed_at)
select
    ready.enrollment_id,
    step.step,
    cast(:campaign as text) as campaign,
    ready.customer_id,
    journey.arm_of(cast(:first_name as text), step.step, ready.dealt_as, step.variants) as variant,
    ready.steps_from + step.after_hours * interval '1 hour' as due_at,
    cast(:as_of as timestamptz) as noticed_at
from ready
inner join
    jsonb_to_recordset(cast(:steps as jsonb))
        as step (position integer, step text, after_hours double precision, variants jsonb)
    on ready.position <= step.position
where
    ready.has_ended
    or ready.steps_from + step.after_hours * interval '1 hour' <= cast(:as_of as timestamptz)
order by ready.enrollment_id, step.position
on conflict (enrollment_id, step) do nothing
