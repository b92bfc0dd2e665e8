-- Drop the planner's statistics of a table that has no rows: analyzing it would leave the old ones in place. PostgreSQL
-- has this function from version 18 on.
-- grain: one row per column
-- name text: the table with its schema
select
    pg_stats.attname,
    pg_clear_attribute_stats(pg_stats.schemaname, pg_stats.tablename, pg_stats.attname, pg_stats.inherited) as cleared
from pg_stats
where format('%I.%I', pg_stats.schemaname, pg_stats.tablename) = cast(:name as text)
