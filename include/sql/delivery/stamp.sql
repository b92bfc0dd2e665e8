-- Record the mode in which this database delivers. The first delivery that is not a preview decides it.
-- grain: one row
-- mode 'simulate' or 'live'
-- look-back: none
insert into installation.fact (name, value)
values ('delivery_mode', to_jsonb(cast(:mode as text)))
on conflict (name) do update set name = excluded.name
returning value #>> '{}' as mode
