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
