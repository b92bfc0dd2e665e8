-- What: a temporary table for values of staged rows that could not be read. is_kept = a known row keeps what it had.
-- It is dropped when the file's transaction ends.
-- Grain: one row per value.
-- Parameters: none. Look-back: none.
create temporary table unread_value (
    line bigint not null,
    column_name text not null,
    is_kept boolean not null
) on commit drop
