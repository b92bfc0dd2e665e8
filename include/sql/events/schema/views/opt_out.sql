-- What people said themselves, per address: who left a topic, and who withdrew from all mail. Sunset, erasure, an
-- operator's word, bounces and complaints are not included. A person who left a topic at a former address has left it
-- at the present one too. If another customer of the same address said yes later, the address has not left.
create or replace view event.opt_out as
select
    suppression.address,
    suppression.scope,
    coalesce(suppression.last_suppressed_at, suppression.suppressed_at) as said_at
from event.suppression
where suppression.reason = 'unsubscribed' and suppression.lifted_at is null and suppression.scope <> 'all'
union all
select
    customer.address,
    carried_word.scope,
    carried_word.said_at
from event.carried_word
inner join source.customer on carried_word.customer_id = customer.customer_id
where
    carried_word.reason = 'unsubscribed'
    and carried_word.scope <> 'all'
    and customer.address <> carried_word.address
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

comment on view event.opt_out is
'What people said themselves, as far as it still holds, one row per address, scope and customer who said it.';
comment on column event.opt_out.address is 'Address, lower case.';
comment on column event.opt_out.scope is '''topic:<name>'' = left that topic; ''all'' = withdrew altogether.';
comment on column event.opt_out.said_at is 'When it was last said.';
