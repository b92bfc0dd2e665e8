-- What: a temporary table for what rows that are not taken as they are say of permission, until the file's
-- transaction ends.
-- Grain: one row a word; permission null = it cannot be read.
-- Parameters: none. Look-back: none.
create temporary table permission_word (
    line bigint,
    customer_id text,
    email text,
    permission text,
    permission_at timestamptz
) on commit drop
