-- Give a campaign's series, epochs, steps and plannings its present name.
-- grain: one row per series, epoch, step, occurrence, alert and campaign
-- former, present text
-- look-back: everything of the campaign
with published as (
    update journey.campaign
    set
        campaign = cast(:present as text),
        definition = campaign.definition || jsonb_build_object('campaign', cast(:present as text))
    where campaign.campaign = cast(:former as text)
    returning campaign.campaign
),

epoch as (
    update journey.epoch
    set campaign = cast(:present as text)
    where epoch.campaign = cast(:former as text)
    returning epoch.epoch
),

step as (
    update journey.step
    set campaign = cast(:present as text)
    where step.campaign = cast(:former as text)
    returning step.campaign
),

progress as (
    update journey.progress
    set campaign = cast(:present as text)
    where progress.campaign = cast(:former as text)
    returning progress.campaign
),

planned as (
    delete from journey.planning
    where planning.campaign = cast(:former as text)
    returning planning.*
),

planning as (
    insert into journey.planning (campaign, counted_from, last_as_of, last_planned_at, begun_as_of)
    select
        cast(:present as text) as campaign,
        planned.counted_from,
        planned.last_as_of,
        planned.last_planned_at,
        planned.begun_as_of
    from planned
    on conflict (campaign) do update
        set
            last_as_of = excluded.last_as_of,
            last_planned_at = excluded.last_planned_at,
            begun_as_of = excluded.begun_as_of
    returning planning.campaign
),

upcoming as (
    update journey.upcoming
    set campaign = cast(:present as text)
    where upcoming.campaign = cast(:former as text)
    returning upcoming.enrollment_id
),

due as (
    update journey.step_due
    set campaign = cast(:present as text)
    where step_due.campaign = cast(:former as text)
    returning step_due.enrollment_id
),

told as (
    update journey.occurrence
    set campaign = cast(:present as text)
    where occurrence.campaign = cast(:former as text)
    returning occurrence.enrollment_id
),

alert as (
    update journey.alert
    set campaign = cast(:present as text)
    where alert.campaign = cast(:former as text)
    returning alert.alert_id
)

update journey.enrollment
set campaign = cast(:present as text)
where enrollment.campaign = cast(:former as text)
