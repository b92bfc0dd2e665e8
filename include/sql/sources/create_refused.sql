-- What: a temporary table for what is set aside of one feed file, until the file's transaction ends.
-- Grain: one row a refused row of the file, or (is_loaded) a row and reason of values that it was loaded without.
-- Parameters: none. Look-back: none.
create temporary table refused (
    line bigint,
    reason text not null,
    detail text,
    row_text text,
    customer_id text,
    is_loaded boolean not null default false
) on commit drop
