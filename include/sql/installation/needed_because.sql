-- What: why a month is still needed, or null if nothing needs it; and the last step of an ingest at that moment.
-- Grain: one row.
-- Parameters: parent text, schema.table; month_start timestamptz.
-- Look-back: that month.
select
    installation.needed_because(cast(:parent as text), cast(:month_start as timestamptz)) as reason,
    coalesce((select max(batch.batch_id) from event.batch), 0) as latest_batch
