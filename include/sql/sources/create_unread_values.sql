-- What: a temporary table for the values of staged rows that could not be read, until the file's transaction ends.
-- Grain: one row a value.
-- Parameters: none. Look-back: none.
create temporary table unread_value (
    line bigint not null,
    column_name text not null
) on commit drop
