-- Write down the steps that the campaign file has now, and which it has lost; returns whether they changed.
-- grain: one row per campaign
-- campaign text; steps jsonb: [{step, after_hours, due}]; has_changed boolean
-- look-back: the newest enrollment
with given as (
    select
        given.step,
        given.after_hours,
        given.due
    from jsonb_to_recordset(cast(:steps as jsonb)) as given (step text, after_hours double precision, due jsonb)
),

lost as (
    update journey.step
    set taken_out_after = (select coalesce(max(enrollment.enrollment_id), 0) from journey.enrollment)
    where
        step.campaign = cast(:campaign as text)
        and step.taken_out_after is null
        and step.step not in (select given.step from given)
    returning step.step
),

noted as (
    insert into journey.step (campaign, step, after_hours, due)
    select
        cast(:campaign as text) as campaign,
        given.step,
        given.after_hours,
        given.due
    from given
    on conflict (campaign, step) do update
        set
            after_hours = excluded.after_hours,
            due = excluded.due,
            taken_out_after = null
    returning step.step
)

insert into journey.progress (campaign, has_changed)
select
    cast(:campaign as text) as campaign,
    cast(:has_changed as boolean) as has_changed
on conflict (campaign) do update set has_changed = progress.has_changed or excluded.has_changed
