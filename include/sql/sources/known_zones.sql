-- What: the time zones that this database knows.
-- Grain: one row per zone, in the spelling that it must have.
-- Parameters: none. Look-back: none.
select name from pg_timezone_names
