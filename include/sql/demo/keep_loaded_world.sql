-- What: record which of the shop's worlds the warehouse has loaded, so that it is not loaded again.
-- Grain: one row.
-- Parameters: world (jsonb) today and shift_days of the world.
-- Look-back: none.
insert into installation.fact (name, value)
values ('demo_loaded_world', cast(:world as jsonb))
on conflict (name) do update set value = excluded.value, recorded_at = now()
