-- Suppressions in step with the provider's lists: how far they were read, and what the provider is known to hold.
create table event.sync_progress (
    list_name text primary key,
    covered_until timestamptz not null,
    synced_at timestamptz not null
);

create table event.provider_suppression (
    address text not null,
    group_id bigint not null,
    said_at timestamptz not null,
    requested_at timestamptz,
    pushed_at timestamptz,
    refused_at timestamptz,
    primary key (address, group_id)
);
create index provider_suppression_queue on event.provider_suppression (group_id, address)
where requested_at is not null and pushed_at is null and refused_at is null;

-- What people said themselves, by address: who left a topic, and who withdrew altogether. Sunset, erasure, an
-- operator's word, bounces and complaints are not among it. Who left a topic at a former address has left it at
-- the present one; where another customer of the same address said yes later, the address has not left.
create view event.opt_out as
select
    suppression.address,
    suppression.scope,
    coalesce(suppression.last_suppressed_at, suppression.suppressed_at) as said_at
from event.suppression
where suppression.reason = 'unsubscribed' and suppression.lifted_at is null and suppression.scope <> 'all'
union all
select
    customer.address,
    suppression.scope,
    coalesce(suppression.last_suppressed_at, suppression.suppressed_at) as said_at
from source.former_address
inner join event.suppression on former_address.address = suppression.address
inner join source.customer on former_address.customer_id = customer.customer_id
where
    suppression.reason = 'unsubscribed'
    and suppression.lifted_at is null
    and suppression.scope <> 'all'
    and customer.address is not null
    and customer.erased_at is null
union all
select
    customer.address,
    'all' as scope,
    permission_change.permission_at as said_at
from source.customer
inner join source.permission_change
    on
        customer.customer_id = permission_change.customer_id
        and customer.permission_at = permission_change.permission_at
        and customer.permission = permission_change.permission
where
    customer.permission = 'withdrawn'
    and permission_change.origin in ('feed', 'unsubscribe', 'preference_centre')
    and customer.address is not null
    and customer.erased_at is null
    and not exists (
        select 1
        from source.customer as other
        where
            other.address = customer.address
            and other.permission = 'confirmed'
            and other.permission_at > permission_change.permission_at
    );

comment on table event.sync_progress is
'How far each list of the provider was read, one row a list.';
comment on column event.sync_progress.list_name is
'bounces, invalid_emails, spam_reports, unsubscribes, blocks; groups = all unsubscribe groups.';
comment on column event.sync_progress.covered_until is
'Every row the list held up to this moment was read; the next window begins a day before it.';
comment on column event.sync_progress.synced_at is 'When it was last read.';

comment on table event.provider_suppression is
'Opt-outs the provider is known to hold, or is to be told, one row an address and unsubscribe group.';
comment on column event.provider_suppression.address is 'Address, lower case.';
comment on column event.provider_suppression.group_id is 'Unsubscribe group at the provider; 0 = its global list.';
comment on column event.provider_suppression.said_at is 'Newest opt-out that this row covers.';
comment on column event.provider_suppression.requested_at is
'When we first meant to push it; null = the provider had it by itself.';
comment on column event.provider_suppression.pushed_at is
'When the provider took it from us; null with requested_at = not yet.';
comment on column event.provider_suppression.refused_at is
'When the provider refused this address; it is offered again only after a newer opt-out.';

comment on view event.opt_out is
'What people said themselves and what stands of it, one row an address, scope and customer who said it.';
comment on column event.opt_out.address is 'Address, lower case.';
comment on column event.opt_out.scope is '''topic:<name>'' = left that topic; ''all'' = withdrew altogether.';
comment on column event.opt_out.said_at is 'When it was said last.';

-- Months that retention has dropped, and why a month may not go yet.
create table installation.retired_month (
    parent text not null,
    month date not null,
    steps bigint not null,
    dropped_at timestamptz not null,
    primary key (parent, month)
);

-- Why the rows of a month are still needed; null = nothing needs them.
create function installation.needed_because(parent text, month_start timestamptz) returns text
language sql stable as $$
    select case
        when parent = 'event.event' and exists (
            select 1
            from message.message
            where
                message.state in ('claimed', 'in_doubt')
                and message.claimed_at < month_start + interval '1 month'
        ) then 'mail_in_doubt'
        when parent = 'event.event' and exists (
            select 1
            from event.event
            where
                event.occurred_at >= month_start
                and event.occurred_at < month_start + interval '1 month'
                and event.batch_id > coalesce(
                    (select cast(progress.value as bigint) from kpi.progress where progress.name = 'events'), 0
                )
        ) then 'not_rolled_up'
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

-- Drop the monthly partition of `parent` that begins at `month_start`, unless something still needs it: then
-- return why. The parent is locked first, so that nothing is written between the question and the drop. Callers
-- set lock_timeout: whoever wants to read or write the parent waits as long as this waits for the lock.
create function installation.drop_month(
    parent text, month_start timestamptz, steps bigint, now timestamptz
) returns text
language plpgsql as $$
declare
    child text := format('%s_%s', parent, to_char(month_start at time zone 'UTC', 'YYYY_MM'));
    reason text;
begin
    execute format('lock table %s in access exclusive mode', parent);
    reason := installation.needed_because(parent, month_start);
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

comment on table installation.retired_month is
'Months of raw rows that retention has dropped, one row a table and month.';
comment on column installation.retired_month.parent is 'Table the month was part of.';
comment on column installation.retired_month.month is 'First day of the month, UTC.';
comment on column installation.retired_month.steps is
'Steps whose final decision was among them: kpi.step_outcome must go on holding as many. 0 for events.';
comment on column installation.retired_month.dropped_at is 'When.';
