-- Delete what was noted of former facts: this roll-up has taken it in. Rows that were committed after the roll-up began
-- are not seen, and stay.
-- grain: one row per former fact
delete from kpi.moved_fact
