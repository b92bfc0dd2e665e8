-- Delete rows that no longer count anything.
-- grain: one row per (day, campaign, step, variant)
delete from kpi.campaign_daily
where
    0 = all(array[
        each_fact
    ])
