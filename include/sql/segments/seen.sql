-- The last load that is complete, and the last step of an ingest.
-- grain: one row; 0 = none
-- parameters: none
-- look-back: none
select
    (select coalesce(max(load.load_id), 0) from source.load where load.finished_at is not null) as load_id,
    (select coalesce(max(batch.batch_id), 0) from event.batch) as batch_id
