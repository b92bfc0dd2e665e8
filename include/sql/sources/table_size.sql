-- What: how many rows the planner believes a table to have.
-- Grain: one row.
-- Parameters: table text, with its schema. Look-back: none.
select reltuples from pg_class
where oid = cast(cast(:table as text) as regclass)
