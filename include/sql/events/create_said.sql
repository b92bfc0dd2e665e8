-- What was said in the step's new events, by whom and at which mailbox; gone with the transaction. An event without an
-- address (our own unsubscribe page) was said at the mailbox to which its mail went. A topic counts under its present
-- name. A word to leave one that has ended, or is not known, is a word to leave everything. A group that no topic has
-- is a scope of its own (installation.scope_meant).
-- grain: one row per event that says something
-- look-back: the mails that the events name, by key
create temporary table event_said on commit drop as
with meant as (
    select
        staged.scope,
        installation.scope_meant(staged.scope) as meant_scope
    from event_staging as staged
    where staged.scope is not null
    group by staged.scope
)

select
    coalesce(staged.address, ours.address) as address,
    case when staged.occurred_at <= ended_group.ended_at then ended_group.scope else meant.meant_scope end as scope,
    case when staged.suppression is null then 'yes' else 'no' end as kind,
    coalesce(staged.suppression, 'resubscribed') as reason,
    ours.customer_id,
    staged.occurred_at as said_at,
    -- A yes has none: only what suppresses, or names no step of a mail's life, is staged with its kind.
    coalesce(staged.event, staged.fact) as source
from event_staging as staged
inner join meant on staged.scope = meant.scope
left join installation.ended_group on staged.scope = ended_group.said
left join lateral (
    select
        message.customer_id,
        coalesce(
            (
                select former_address.address
                from source.former_address
                where
                    former_address.customer_id = message.customer_id
                    and former_address.replaced_at
                    > coalesce(message.accepted_at, message.claimed_at, message.planned_at)
                order by former_address.replaced_at
                limit 1
            ),
            customer.address
        ) as address
    from message.message
    inner join source.customer on message.customer_id = customer.customer_id
    where
        (staged.address is null or coalesce(staged.suppression, 'unsubscribed') in ('unsubscribed', 'complaint'))
        and message.enrollment_id = message.enrollment_of(staged.message_id)
        and message.message_id = staged.message_id
        and customer.erased_at is null
    -- Keeps this an index probe for each of the few, however many messages there are.
    offset 0
) as ours on true
where staged.suppression is not null or staged.fact = 'resubscribe'
