-- Steps whose mail, events, orders or goal changed since the last roll-up, and those of the days asked for.
-- grain: one row an (enrollment, step)
-- last_batch_id bigint: last ingest rolled up; since, until date: days to look at again (null = none)
-- look-back: what changed; steps whose message may still move
with longest as (
    select max(campaign.goal_within_days) * interval '24 hours' as goal_window
    from journey.campaign
),

changed as (
    select
        engagement.enrollment_id,
        engagement.step
    from event.engagement
    where engagement.batch_id > cast(:last_batch_id as bigint)
    union all
    select
        known.enrollment_id,
        known.step
    from kpi.step_outcome as known
    inner join lateral (
        select
            message.state,
            message.accepted_at
        from message.message
        where message.enrollment_id = known.enrollment_id and message.step = known.step
        offset 0
    ) as now_is on true
    where known.is_open and now_is.state is distinct from known.state
    union all
    -- A new fact inside the window may reach the goal; a changed one may take it away.
    select
        known.enrollment_id,
        known.step
    from kpi_fact
    cross join longest
    inner join lateral (
        select
            stored.enrollment_id,
            stored.step
        from kpi.step_outcome as stored
        where
            stored.customer_id = kpi_fact.customer_id
            and stored.accepted_at
            between kpi_fact.happened_at - longest.goal_window and kpi_fact.happened_at
            and stored.goal_until >= kpi_fact.happened_at
        offset 0
    ) as known on true
    union all
    select
        known.enrollment_id,
        known.step
    from kpi_fact
    inner join lateral (
        select
            stored.enrollment_id,
            stored.step
        from kpi.step_outcome as stored
        where stored.customer_id = kpi_fact.customer_id and stored.converted_day is not null
        offset 0
    ) as known on true
    union all
    -- The campaign's goal was defined anew.
    select
        known.enrollment_id,
        known.step
    from journey.campaign
    inner join kpi.progress
        on
            progress.name = 'goal:' || campaign.campaign
            and progress.value <> concat_ws('|', campaign.goal_event, campaign.goal_within_days, campaign.is_marketing)
    inner join lateral (
        select
            stored.enrollment_id,
            stored.step
        from kpi.step_outcome as stored
        where stored.campaign = campaign.campaign
        -- The history is read only where a goal did change.
        offset 0
    ) as known on true
    union all
    select
        known.enrollment_id,
        known.step
    from kpi.step_outcome as known
    where known.day between cast(:since as date) and cast(:until as date)
),

-- Most of what changed was decided since the last roll-up as well, and is here: made distinct once that is taken away.
unseen as (
    select distinct
        changed.enrollment_id,
        changed.step
    from changed
    where
        not exists (
            select 1
            from kpi_touched as seen
            where seen.enrollment_id = changed.enrollment_id and seen.step = changed.step
        )
)

insert into kpi_touched (
    enrollment_id, step, campaign, customer_id, variant, decision_id, decided_at, decision_outcome, decision_reason
)
select
    unseen.enrollment_id,
    unseen.step,
    known.campaign,
    known.customer_id,
    known.variant,
    known.decision_id,
    known.decided_at,
    known.decision_outcome,
    known.decision_reason
from unseen
left join lateral (
    select stored.*
    from kpi.step_outcome as stored
    where stored.enrollment_id = unseen.enrollment_id and stored.step = unseen.step
    offset 0
) as known on true
