-- What: a temporary table for what rows say about permission that are refused or not loaded as they are. It is dropped
-- when the file's transaction ends.
-- Grain: one row per word; permission null = it cannot be read.
-- Parameters: none. Look-back: none.
create temporary table permission_word (
    line bigint,
    customer_id text,
    email text,
    permission text,
    permission_at timestamptz
) on commit drop
