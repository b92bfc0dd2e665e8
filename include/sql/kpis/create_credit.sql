-- The mail that each of these orders is credited to: the last one accepted before the order whose window holds it. A
-- cancelled order never counts, and one that is dated later than now does not count yet. A refunded order leaves no
-- revenue.
-- The table is dropped with the transaction.
-- grain: one row per order
-- reporting_zone text: IANA zone of the days; now timestamptz
-- look-back: the longest goal window of a campaign before the order
create temporary table kpi_credit on commit drop as
select
    orders.order_id,
    orders.customer_id,
    mail.enrollment_id,
    mail.step,
    mail.campaign,
    mail.variant,
    mail.day,
    mail.is_delivered,
    cast(orders.ordered_at at time zone cast(:reporting_zone as text) as date) as order_day,
    coalesce(orders.currency, 'XXX') as currency,
    orders.total as revenue
from kpi_recredited
inner join source.orders on kpi_recredited.order_id = orders.order_id and orders.status = 'placed'
inner join lateral (
    select
        known.enrollment_id,
        known.step,
        known.campaign,
        known.variant,
        known.day,
        known.outcome = 'delivered' as is_delivered
    from kpi.step_outcome as known
    where
        known.customer_id = orders.customer_id
        and known.accepted_at
        between orders.ordered_at - (select max(campaign.goal_within_days) from journey.campaign) * interval '24 hours'
        and orders.ordered_at
        and known.goal_until >= orders.ordered_at
        and known.takes_credit
    order by known.accepted_at desc, known.enrollment_id desc, known.step desc
    limit 1
) as mail on true
where kpi_recredited.ordered_at <= cast(:now as timestamptz)
