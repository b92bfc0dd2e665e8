-- Note steps whose moment had passed for a running series when the file got them, or moved them there: they are not for
-- it any more. Steps that came due after the last run are noticed as ever.
-- grain: one row per series and such step
-- campaign text; first_name text: what it was called first; as_of timestamptz;
-- steps jsonb: the new and moved ones, [{position, step, after_hours, variants: [{variant, up_to}]}]
-- look-back: running series
insert into journey.step_due (enrollment_id, step, campaign, customer_id, variant, due_at, noticed_at, refusal)
select
    enrollment.enrollment_id,
    step.step,
    cast(:campaign as text) as campaign,
    enrollment.customer_id,
    journey.arm_of(
        cast(:first_name as text), step.step, coalesce(first.customer_id, enrollment.customer_id), step.variants
    ) as variant,
    coalesce(enrollment.steps_from, enrollment.enrolled_at) + step.after_hours * interval '1 hour' as due_at,
    cast(:as_of as timestamptz) as noticed_at,
    'added_later' as refusal
from journey.progress
inner join journey.enrollment on progress.campaign = enrollment.campaign and enrollment.ended_at is null
left join journey.enrollment as first on enrollment.continues = first.enrollment_id
cross join
    jsonb_to_recordset(cast(:steps as jsonb))
        as step (position integer, step text, after_hours double precision, variants jsonb)
where
    progress.campaign = cast(:campaign as text)
    and coalesce(enrollment.steps_from, enrollment.enrolled_at) + step.after_hours * interval '1 hour'
    <= progress.noticed_until
order by enrollment.enrollment_id, step.position
on conflict (enrollment_id, step) do nothing
