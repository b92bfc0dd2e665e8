-- Record how far a list was read. The mark never goes back.
-- grain: one row per list
-- list_name text; covered_until timestamptz; now timestamptz
insert into event.sync_progress as known (list_name, covered_until, synced_at)
values (cast(:list_name as text), cast(:covered_until as timestamptz), cast(:now as timestamptz))
on conflict (list_name) do update
    set
        covered_until = greatest(known.covered_until, excluded.covered_until),
        synced_at = greatest(known.synced_at, excluded.synced_at)
