-- Words against mail that a customer carries along: their own, wherever they were said, and those of an unknown
-- speaker at a mailbox that they held at that moment and have left since. Bounces and drops belong to the mailbox. The
-- provider's list repeats what an event told with its speaker some seconds or minutes before: one word, not two.
create or replace view event.carried_word as
select
    word.customer_id,
    word.address,
    word.scope,
    word.reason,
    word.said_at
from event.word
inner join source.customer on word.customer_id = customer.customer_id and customer.erased_at is null
where
    word.kind = 'no'
    and word.reason in ('unsubscribed', 'complaint')
    and not event.is_ended(word.customer_id, word.address, word.scope, word.reason, word.said_at)
union all
select
    former_address.customer_id,
    said.address,
    said.scope,
    said.reason,
    said.said_at
from source.former_address
inner join event.said on former_address.address = said.address
where
    said.customer_id is null
    and said.reason in ('unsubscribed', 'complaint', 'sunset', 'operator')
    and (
        said.said_at < former_address.replaced_at
        or (said.said_at = former_address.replaced_at and said.recorded_at < former_address.recorded_at)
    )
    and (former_address.held_from is null or former_address.held_from <= said.said_at)
    and not exists (
        select 1
        from event.word as known
        where
            known.address = said.address
            and known.scope = said.scope
            and known.reason = said.reason
            and known.kind = 'no'
            and known.customer_id is not null
            and known.said_at between said.said_at - interval '10 minutes' and said.said_at + interval '10 minutes'
    )
    and not event.is_ended(former_address.customer_id, said.address, said.scope, said.reason, said.said_at);

comment on view event.carried_word is
'Words against mail that a customer carries along, one row per customer and word; those at the present mailbox are '
'among them if the customer said them.';
comment on column event.carried_word.customer_id is 'Whom the word binds wherever they move.';
comment on column event.carried_word.address is 'Mailbox at which it was said.';
comment on column event.carried_word.scope is 'all, or topic:<name>.';
comment on column event.carried_word.reason is 'As in event.suppression.';
comment on column event.carried_word.said_at is 'When.';
