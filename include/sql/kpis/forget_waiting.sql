-- Delete the notes of these days: this roll-up counts them again. Rows that were committed after the roll-up began are
-- not seen, and stay.
-- grain: one row per note
delete from kpi.waiting_change
