-- What: whether a load that began at a moment or later is done.
-- Grain: one row.
-- Parameters: since timestamptz.
-- Look-back: the loads since then.
select exists(
    select 1
    from source.load
    where load.started_at >= cast(:since as timestamptz) and load.finished_at is not null
) as is_loaded
