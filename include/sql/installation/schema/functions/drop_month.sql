-- Drop the monthly partition of `parent` that begins at `month_start`, unless something still needs it. If something
-- does, return the reason. The parent is locked first, so that nothing is written between the question and the drop.
-- Callers set lock_timeout, because readers and writers of the parent wait as long as this function waits for the lock,
-- and then as long as it holds the lock. The events are therefore not read again under the lock. A step of an ingest
-- holds its own lock on them until it is committed, in the order of its number. `latest_batch` is the last step at the
-- moment when needed_because was asked. If no uncounted step came after it, that answer still holds.
-- 'busy' = an uncounted step came in. Ask needed_because again, then call this function again.
create or replace function installation.drop_month(
    parent text, month_start timestamptz, steps bigint, now timestamptz, latest_batch bigint
) returns text
language plpgsql as $$
declare
    child text := format('%s_%s', parent, to_char(month_start at time zone 'UTC', 'YYYY_MM'));
    reason text;
begin
    execute format('lock table %s in access exclusive mode', parent);
    if parent = 'event.event' and exists (
        select 1
        from event.batch
        where batch.batch_id > greatest(drop_month.latest_batch, installation.counted_batch())
    ) then
        return 'busy';
    end if;
    reason := installation.needed_by_index(parent, month_start);
    if reason is not null then
        return reason;
    end if;
    execute format('alter table %s detach partition %s', parent, child);
    execute format('drop table %s', child);
    insert into installation.retired_month as known (parent, month, steps, dropped_at)
    values (drop_month.parent, (month_start at time zone 'UTC')::date, drop_month.steps, drop_month.now)
    on conflict on constraint retired_month_pkey do update
        set steps = greatest(known.steps, excluded.steps), dropped_at = excluded.dropped_at;
    return null;
end
$$;
