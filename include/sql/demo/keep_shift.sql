-- What: whole days by which the demo's history is moved. Every later run keeps the number of the first run.
-- Grain: one row.
-- Parameters: shift_days (integer) days to keep if none are kept yet.
-- Look-back: none.
insert into installation.fact as f (name, value)
values ('demo_shift_days', to_jsonb(cast(:shift_days as integer)))
on conflict (name) do update set value = f.value
returning cast(f.value as integer) as shift_days
