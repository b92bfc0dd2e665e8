-- Why the rows of a month are still needed; null = nothing needs them. Events of a month are found by no index of
-- their step, so they are read, and only where the KPI tables lack a step at all: to be asked without a lock.
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
