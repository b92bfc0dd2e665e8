-- What: a temporary table for what is set aside of one feed file. It is dropped when the file's transaction ends.
-- Grain: one row per refused row of the file; is_loaded = per loaded row and reason of values that it lacks.
-- Parameters: none. Look-back: none.
create temporary table refused (
    line bigint,
    reason text not null,
    detail text,
    row_text text,
    customer_id text,
    is_loaded boolean not null default false
) on commit drop
