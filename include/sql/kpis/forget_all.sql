-- Empty the tables, because every number is computed from the facts again. Movements of erased people stay, because
-- their facts are gone.
-- grain: one row per table emptied
with forgotten_days as (
    delete from kpi.campaign_daily
),

forgotten_events as (
    delete from kpi.event_daily
),

forgotten_revenue as (
    delete from kpi.campaign_revenue_daily
),

forgotten_order_days as (
    delete from kpi.event_revenue_daily
),

forgotten_credits as (
    delete from kpi.order_credit
),

forgotten_orders as (
    delete from kpi.cart_order
),

forgotten_series as (
    delete from kpi.series_daily
),

forgotten_steps as (
    delete from kpi.step_daily
),

forgotten_waiting as (
    delete from kpi.waiting_daily
),

forgotten_experiments as (
    delete from kpi.experiment
),

forgotten_units as (
    delete from kpi.arm_unit
),

forgotten_people as (
    delete from kpi.arm_count
),

forgotten_list_days as (
    delete from kpi.list_daily
),

forgotten_ahead as (
    delete from kpi.ahead
)

delete from kpi.step_outcome
