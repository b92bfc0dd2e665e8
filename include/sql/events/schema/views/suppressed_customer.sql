-- Who must not be mailed, per person: suppressions of the present address, and what the person said at a former one. A
-- hard bounce belongs to its address alone. A group of SendGrid that no topic has blocks all mail.
create or replace view event.suppressed_customer as
select
    customer.customer_id,
    case when suppression.scope like 'group:%' then 'all' else suppression.scope end as scope,
    suppression.reason,
    suppression.suppressed_at
from source.customer
inner join event.suppression on customer.address = suppression.address
where suppression.lifted_at is null
union all
select
    former_address.customer_id,
    case when suppression.scope like 'group:%' then 'all' else suppression.scope end as scope,
    suppression.reason,
    suppression.suppressed_at
from source.former_address
inner join event.suppression on former_address.address = suppression.address
where
    suppression.lifted_at is null
    and suppression.reason in ('unsubscribed', 'complaint', 'sunset', 'operator');

comment on view event.suppressed_customer is 'Suppressions by person, one row per (customer, address, scope, reason).';
comment on column event.suppressed_customer.customer_id is 'Who must not be mailed.';
comment on column event.suppressed_customer.scope is 'all, or topic:<name>.';
comment on column event.suppressed_customer.reason is 'Why.';
comment on column event.suppressed_customer.suppressed_at is 'Since when.';
