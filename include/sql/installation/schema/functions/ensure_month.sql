-- Create the monthly partition of `parent` that holds `at`, if it does not exist yet.
-- Name: <parent>_<yyyy>_<mm>. Months are UTC months. Callers hold a lock of their stage.
create or replace function installation.ensure_month(parent text, at timestamptz) returns text
language plpgsql as $$
declare
    month_start date := date_trunc('month', at at time zone 'UTC')::date;
    child text := format('%s_%s', parent, to_char(month_start, 'YYYY_MM'));
begin
    if to_regclass(child) is null then
        -- Two campaigns may need a new month at the same time. One creates the partition. The other waits, and then
        -- looks again through "if not exists". to_regclass would still answer from its cache.
        perform pg_advisory_xact_lock(hashtextextended('installation.ensure_month:' || parent, 0));
        execute format(
            'create table if not exists %s partition of %s for values from (%L) to (%L)',
            child, parent,
            to_char(month_start, 'YYYY-MM-DD') || ' 00:00:00+00',
            to_char(month_start + interval '1 month', 'YYYY-MM-DD') || ' 00:00:00+00'
        );
    end if;
    return child;
end
$$;
