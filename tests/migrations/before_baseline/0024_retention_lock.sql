-- Nothing is read through while retention holds a table alone.

-- Why the rows of a month are still needed, as far as indexes answer it; null = nothing known here needs them. No
-- table is read through even where the planner takes it for cheaper: it expects a row early on, and there is none.
create function installation.needed_by_index(parent text, month_start timestamptz) returns text
language sql stable set enable_seqscan = off as $$
    select case
        when parent = 'event.event' and exists (
            select 1
            from message.message
            where
                message.state in ('claimed', 'in_doubt')
                and message.claimed_at < month_start + interval '1 month'
        ) then 'mail_in_doubt'
        when parent = 'decision.decision' and exists (
            select 1
            from journey.campaign
            left join message.progress on campaign.campaign = progress.campaign
            inner join decision.decision
                on
                    campaign.campaign = decision.campaign
                    and decision.decision_id > coalesce(progress.last_decision_id, 0)
                    and decision.outcome in ('send', 'defer')
            where
                decision.decided_at >= month_start
                and decision.decided_at < month_start + interval '1 month'
        ) then 'mail_not_written'
        when parent = 'decision.decision' and exists (
            select 1
            from journey.campaign
            left join kpi.progress on progress.name = 'decisions:' || campaign.campaign
            inner join decision.decision
                on
                    campaign.campaign = decision.campaign
                    and decision.decision_id > coalesce(cast(progress.value as bigint), 0)
            where
                decision.decided_at >= month_start
                and decision.decided_at < month_start + interval '1 month'
        ) then 'not_rolled_up'
    end
$$;

-- The last step of an ingest that the KPI tables have counted.
create function installation.counted_batch() returns bigint
language sql stable as $$
    select coalesce((select cast(progress.value as bigint) from kpi.progress where progress.name = 'events'), 0)
$$;

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

drop function installation.drop_month(text, timestamptz, bigint, timestamptz);

-- Drop the monthly partition of `parent` that begins at `month_start`, unless something still needs it: then
-- return why. The parent is locked first, so that nothing is written between the question and the drop. Callers
-- set lock_timeout: whoever wants to read or write the parent waits as long as this waits for the lock, and then
-- as long as this holds it. So the events are not read again: a step of an ingest holds its own lock on them until it
-- is committed, in the order of its number, and none after `latest_batch`, the last one when needed_because was
-- asked, says that its answer stands. 'busy' = one came in that is not counted: ask again, then come back.
create function installation.drop_month(
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
