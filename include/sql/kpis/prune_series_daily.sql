-- Remove days without series.
-- grain: one row per (day, campaign)
delete from kpi.series_daily
where series_daily.mailed = 0
