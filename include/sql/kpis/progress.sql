-- How far the last roll-up came.
-- grain: one row per watermark
select
    name,
    value
from kpi.progress
