-- Record what became of the step's events.
-- grain: one row per step
-- batch_id bigint; inserted, duplicates counts; newest_at timestamptz (null = none was new)
update event.batch
set
    inserted = cast(:inserted as bigint),
    duplicates = cast(:duplicates as bigint),
    newest_at = cast(:newest_at as timestamptz)
where batch_id = cast(:batch_id as bigint)
