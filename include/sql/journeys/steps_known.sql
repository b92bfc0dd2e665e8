-- The steps by which the series of a campaign await, and whether they ever changed.
-- grain: one row per step the campaign has or had; one row with step null if it has none and series await
-- campaign text
-- look-back: none
select
    step.step,
    step.after_hours,
    step.due,
    step.taken_out_after is not null as is_gone,
    coalesce(progress.has_changed, false) as has_changed
from journey.step
left join journey.progress on step.campaign = progress.campaign
where step.campaign = cast(:campaign as text)
union all
select
    null as step,
    null as after_hours,
    null as due,
    false as is_gone,
    false as has_changed
where
    exists (select 1 from journey.upcoming where upcoming.campaign = cast(:campaign as text))
    and not exists (select 1 from journey.step where step.campaign = cast(:campaign as text))
