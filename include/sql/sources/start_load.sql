-- What: open a load, and return the time that it counts as.
-- Grain: one row.
-- Parameters: now timestamptz, the time of the load; null = the database's clock.
-- Look-back: none.
insert into source.load (started_at)
values (coalesce(cast(:now as timestamptz), now()))
returning load_id, started_at
