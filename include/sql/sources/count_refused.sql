-- What: how many rows of the file at hand are set aside.
-- Grain: one row.
-- Parameters: none. Look-back: none.
select count(*) as refused from refused
