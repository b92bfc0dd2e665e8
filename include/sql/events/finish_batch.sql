-- Write down what became of the step's events.
-- grain: one row a step
-- batch_id bigint; inserted, duplicates counts
update event.batch
set
    inserted = cast(:inserted as bigint),
    duplicates = cast(:duplicates as bigint)
where batch_id = cast(:batch_id as bigint)
