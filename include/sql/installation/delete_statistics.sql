-- The same as clear_statistics before version 18. Only a superuser may do it.
-- grain: one row per column
-- name text: the table with its schema
delete from pg_statistic
where pg_statistic.starelid = cast(cast(:name as text) as regclass)
