-- Delete rows that no longer hold an order.
-- grain: one row per (day, campaign, step, variant, currency)
delete from kpi.event_revenue_daily
where orders = 0
