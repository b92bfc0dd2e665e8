-- Who must not be mailed, by person: event.binding_word says why it is so.
create or replace view event.suppressed_customer as
select
    binding_word.customer_id,
    binding_word.scope,
    binding_word.reason,
    min(binding_word.said_at) as suppressed_at
from event.binding_word
group by binding_word.customer_id, binding_word.scope, binding_word.reason;

comment on view event.suppressed_customer is 'Suppressions by person, one row per customer, scope and reason.';
comment on column event.suppressed_customer.customer_id is 'Who must not be mailed.';
comment on column event.suppressed_customer.scope is 'all, or topic:<name>.';
comment on column event.suppressed_customer.reason is 'Why.';
comment on column event.suppressed_customer.suppressed_at is 'When it was said first, of the words that bind now.';
