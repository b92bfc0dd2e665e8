-- Let the next look be now for every series that may await a step, because the file says something else of its steps.
-- grain: one row per series
-- campaign text; as_of timestamptz; first_step text: any step of the file
-- look-back: running series, and ended ones that await a step
insert into journey.upcoming (enrollment_id, campaign, due_at, step)
select
    enrollment.enrollment_id,
    cast(:campaign as text) as campaign,
    cast(:as_of as timestamptz) as due_at,
    cast(:first_step as text) as step
from journey.enrollment
where
    enrollment.campaign = cast(:campaign as text)
    and (
        enrollment.ended_at is null
        or exists (select 1 from journey.upcoming where upcoming.enrollment_id = enrollment.enrollment_id)
    )
order by enrollment.enrollment_id
on conflict (enrollment_id) do update set
    due_at = excluded.due_at
