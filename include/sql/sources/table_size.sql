-- What: the planner's estimate of the number of rows in a table.
-- Grain: one row.
-- Parameters: table text, with its schema. Look-back: none.
select reltuples from pg_class
where oid = cast(cast(:table as text) as regclass)
