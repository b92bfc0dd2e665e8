-- Delete rows that no longer count anything.
-- grain: one row per (day, campaign, step, variant)
delete from kpi.event_daily
where
    revenue = 0
    and currency is null
    and each_fact = 0
