-- Delete every result, because all of them are computed from the counts of people again.
-- grain: one row per result
delete from kpi.experiment_result
