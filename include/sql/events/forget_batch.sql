-- Forget a batch that changed nothing.
-- grain: one row per batch
-- batch_id bigint
delete from event.batch
where batch.batch_id = cast(:batch_id as bigint)
