-- Delete the notes about facts that left a customer: this roll-up has taken them in.
-- grain: one row per note
delete from kpi.moved_fact
