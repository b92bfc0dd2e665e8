-- What: the time zones this database knows.
-- Grain: one row a zone, spelled exactly as it must be.
-- Parameters: none. Look-back: none.
select name from pg_timezone_names
