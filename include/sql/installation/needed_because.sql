-- What: why a month is still needed; null where nothing needs it.
-- Grain: one row.
-- Parameters: parent text, schema.table; month_start timestamptz.
-- Look-back: that month.
select installation.needed_because(cast(:parent as text), cast(:month_start as timestamptz)) as reason
