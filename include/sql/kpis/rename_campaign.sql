-- Give a campaign's numbers its present name, and how far they were counted.
-- grain: one row per step
-- former, present text
-- look-back: everything that was counted
with campaign_daily as (
    update kpi.campaign_daily
    set campaign = cast(:present as text)
    where campaign_daily.campaign = cast(:former as text)
    returning campaign_daily.campaign
),

event_daily as (
    update kpi.event_daily
    set campaign = cast(:present as text)
    where event_daily.campaign = cast(:former as text)
    returning event_daily.campaign
),

order_credit as (
    update kpi.order_credit
    set campaign = cast(:present as text)
    where order_credit.campaign = cast(:former as text)
    returning order_credit.campaign
),

cart_order as (
    update kpi.cart_order
    set campaign = cast(:present as text)
    where cart_order.campaign = cast(:former as text)
    returning cart_order.campaign
),

campaign_revenue_daily as (
    update kpi.campaign_revenue_daily
    set campaign = cast(:present as text)
    where campaign_revenue_daily.campaign = cast(:former as text)
    returning campaign_revenue_daily.campaign
),

event_revenue_daily as (
    update kpi.event_revenue_daily
    set campaign = cast(:present as text)
    where event_revenue_daily.campaign = cast(:former as text)
    returning event_revenue_daily.campaign
),

series_daily as (
    update kpi.series_daily
    set campaign = cast(:present as text)
    where series_daily.campaign = cast(:former as text)
    returning series_daily.campaign
),

step_daily as (
    update kpi.step_daily
    set campaign = cast(:present as text)
    where step_daily.campaign = cast(:former as text)
    returning step_daily.campaign
),

waiting_daily as (
    update kpi.waiting_daily
    set campaign = cast(:present as text)
    where waiting_daily.campaign = cast(:former as text)
    returning waiting_daily.campaign
),

waiting_change as (
    update kpi.waiting_change
    set campaign = cast(:present as text)
    where waiting_change.campaign = cast(:former as text)
    returning waiting_change.campaign
),

experiment as (
    update kpi.experiment
    set campaign = cast(:present as text)
    where experiment.campaign = cast(:former as text)
    returning experiment.campaign
),

arm_unit as (
    update kpi.arm_unit
    set campaign = cast(:present as text)
    where arm_unit.campaign = cast(:former as text)
    returning arm_unit.campaign
),

arm_count as (
    update kpi.arm_count
    set campaign = cast(:present as text)
    where arm_count.campaign = cast(:former as text)
    returning arm_count.campaign
),

experiment_result as (
    update kpi.experiment_result
    set campaign = cast(:present as text)
    where experiment_result.campaign = cast(:former as text)
    returning experiment_result.campaign
),

followed as (
    delete from kpi.progress
    where progress.name in ('decisions:' || cast(:former as text), 'goal:' || cast(:former as text))
    returning progress.*
),

progress as (
    insert into kpi.progress (name, value, as_of)
    select
        split_part(followed.name, ':', 1) || ':' || cast(:present as text) as name,
        followed.value,
        followed.as_of
    from followed
    on conflict (name) do update set value = excluded.value, as_of = excluded.as_of
    returning progress.name
)

update kpi.step_outcome
set campaign = cast(:present as text)
where step_outcome.campaign = cast(:former as text)
