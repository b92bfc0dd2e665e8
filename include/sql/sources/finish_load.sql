-- What: close a load with its counts.
-- Grain: one row.
-- Parameters: load_id bigint; counts jsonb text, by feed: read, accepted, changed, rejected.
-- Look-back: none.
update source.load
set finished_at = clock_timestamp(), counts = cast(:counts as jsonb)
where load_id = cast(:load_id as bigint)
