-- Remove counts that have become zero.
-- grain: one row per experiment, arm, eligibility and maturity
delete from kpi.arm_count
where arm_count.units = 0
