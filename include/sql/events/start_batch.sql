-- Begin one step of an ingest. Its number marks the rows that it changes.
-- grain: one row per step
-- source_name text; files, received, rejected counts
insert into event.batch (source_name, files, received, rejected)
values (
    cast(:source_name as text), cast(:files as integer), cast(:received as bigint), cast(:rejected as bigint)
)
returning batch_id
