-- Note steps whose moment had passed for a series when the file got them, or moved them there, where steps do not all
-- count from the enrollment: they are not for it any more.
-- grain: one row per series and such step
-- campaign text; first_name text: what it was called first; as_of timestamptz
-- steps jsonb: the new and moved ones, as in journeys/step_moment
-- step_moment: the rows of journeys/step_moment
-- look-back: running series, and ended ones that await a step
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
        and (
            enrollment.ended_at is null
            or exists (select 1 from journey.upcoming where upcoming.enrollment_id = enrollment.enrollment_id)
        )
)

insert into journey.step_due (
    enrollment_id, step, campaign, customer_id, variant, due_at, noticed_at, refusal, after_end
)
select
    looked.enrollment_id,
    told.step,
    cast(:campaign as text) as campaign,
    looked.customer_id,
    journey.arm_of(cast(:first_name as text), told.step, looked.dealt_as, told.variants) as variant,
    told.due_at,
    cast(:as_of as timestamptz) as noticed_at,
    'added_later' as refusal,
    told.after_end
from looked
inner join step_moment as told on looked.enrollment_id = told.enrollment_id
inner join journey.progress on progress.campaign = cast(:campaign as text)
where told.refusal is null and told.due_at <= progress.noticed_until
order by looked.enrollment_id, told.position
on conflict (enrollment_id, step) do nothing
