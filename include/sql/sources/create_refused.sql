-- What: a temporary table for the rows of one feed file that are set aside, until the file's transaction ends.
-- Grain: one row a refused row of the file.
-- Parameters: none. Look-back: none.
create temporary table refused (
    line bigint,
    reason text not null,
    detail text,
    row_text text,
    customer_id text
) on commit drop
