-- How far the last roll-up came.
-- grain: one row a watermark
select
    name,
    value
from kpi.progress
