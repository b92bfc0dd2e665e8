-- Words against mail by the person whom they bind, one row per word: what is in force at the present mailbox, what
-- another customer withdrew at it, and what the customer carries along from former ones. A group of SendGrid that no
-- topic has blocks all mail.
create or replace view event.binding_word as
select
    customer.customer_id,
    case when suppression.scope like 'group:%' then 'all' else suppression.scope end as scope,
    suppression.reason,
    times.said_at
from source.customer
inner join event.suppression on customer.address = suppression.address
cross join
    lateral (
        select suppression.suppressed_at as said_at
        union all
        select suppression.last_suppressed_at
        where suppression.last_suppressed_at > suppression.suppressed_at
        union all
        select word.said_at
        from event.word
        where
            word.address = suppression.address
            and word.scope = suppression.scope
            and word.reason = suppression.reason
            and word.kind = 'no'
            and word.said_at > suppression.suppressed_at
            and word.said_at < suppression.last_suppressed_at
    ) as times
where suppression.lifted_at is null
union all
select
    customer.customer_id,
    'all' as scope,
    'unsubscribed' as reason,
    mailbox_withdrawal.said_at
from source.customer
inner join source.mailbox_withdrawal
    on
        customer.address = mailbox_withdrawal.address
        and customer.customer_id <> mailbox_withdrawal.customer_id
union all
select
    carried_word.customer_id,
    case when carried_word.scope like 'group:%' then 'all' else carried_word.scope end as scope,
    carried_word.reason,
    carried_word.said_at
from event.carried_word;

comment on view event.binding_word is
'Words against mail by the person whom they bind, one row per customer and word; a word may have several rows.';
comment on column event.binding_word.customer_id is 'Who must not be mailed.';
comment on column event.binding_word.scope is 'all, or topic:<name>.';
comment on column event.binding_word.reason is 'Why.';
comment on column event.binding_word.said_at is 'When it was said.';
