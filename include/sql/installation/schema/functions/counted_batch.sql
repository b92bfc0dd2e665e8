-- The last step of an ingest that the KPI tables have counted.
create or replace function installation.counted_batch() returns bigint
language sql stable as $$
    select coalesce((select cast(progress.value as bigint) from kpi.progress where progress.name = 'events'), 0)
$$;
