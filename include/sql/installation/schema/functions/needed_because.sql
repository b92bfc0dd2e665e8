-- Why the rows of a month are still needed; null = nothing needs them. No index finds the events of a month by their
-- step, so they are read, but only if the KPI tables lack a step at all. Ask it without holding a lock.
create or replace function installation.needed_because(parent text, month_start timestamptz) returns text
language sql stable as $$
    select coalesce(
        installation.needed_by_index(parent, month_start),
        case
            when
                parent = 'event.event'
                and exists (select 1 from event.batch where batch.batch_id > installation.counted_batch())
                and exists (
                    select 1
                    from event.event
                    where
                        event.occurred_at >= month_start
                        and event.occurred_at < month_start + interval '1 month'
                        and event.batch_id > (select installation.counted_batch())
                )
                then 'not_rolled_up'
        end
    )
$$;
