-- What belongs to the installation rather than to a stage: facts about it, and partition upkeep.
create schema if not exists installation;

create table installation.fact (
    name text primary key,
    value jsonb not null,
    recorded_at timestamptz not null default now()
);

-- Create the monthly partition of `parent` that holds `at`, if it is not there yet.
-- Name: <parent>_<yyyy>_<mm>. Months are UTC months. Callers hold a lock of their stage.
create function installation.ensure_month(parent text, at timestamptz) returns text
language plpgsql as $$
declare
    month_start date := date_trunc('month', at at time zone 'UTC')::date;
    child text := format('%s_%s', parent, to_char(month_start, 'YYYY_MM'));
begin
    if to_regclass(child) is null then
        -- Two campaigns may meet the first mail of a month together: one makes the partition, the other
        -- waits, and looks again through "if not exists" (to_regclass would still answer from its cache).
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

comment on schema installation is
'What belongs to the installation rather than to a stage: facts about it, migrations, upkeep of partitions.';

comment on table installation.fact is 'Facts about this installation, one row a fact.';
comment on column installation.fact.name is 'What the fact is, e.g. delivery_mode, demo_shift_days.';
comment on column installation.fact.value is 'Its value.';
comment on column installation.fact.recorded_at is 'When it was written.';
