-- What still keeps mail from the customers who have a mailbox, after a lift there.
-- grain: one row per customer and kind; kind: 'suppressed' (at the mailbox), 'withdrawn' (what stands as permission),
-- 'carried' (said at another mailbox), 'rests' (a word of the feed could not be read), 'not_confirmed'
-- address text, as compared
-- look-back: words of these customers, by index
with holder as (
    select
        customer.customer_id,
        customer.permission
    from source.customer
    where customer.address = cast(:address as text) and customer.erased_at is null
),

kept as (
    select
        holder.customer_id,
        'suppressed' as kind
    from holder
    inner join event.suppression on suppression.address = cast(:address as text) and suppression.lifted_at is null
    union
    select
        holder.customer_id,
        'suppressed' as kind
    from holder
    inner join source.mailbox_withdrawal
        on
            mailbox_withdrawal.address = cast(:address as text)
            and holder.customer_id <> mailbox_withdrawal.customer_id
    union
    select
        holder.customer_id,
        case when holder.permission = 'withdrawn' then 'withdrawn' else 'not_confirmed' end as kind
    from holder
    where
        holder.permission <> 'confirmed'
        and not exists (
            select 1 from source.permission_rest
            where permission_rest.customer_id = holder.customer_id and permission_rest.resumed_at is null
        )
    union
    select
        holder.customer_id,
        'carried' as kind
    from holder
    inner join event.carried_word
        on holder.customer_id = carried_word.customer_id and carried_word.address <> cast(:address as text)
    union
    select
        holder.customer_id,
        'rests' as kind
    from holder
    inner join source.permission_rest
        on holder.customer_id = permission_rest.customer_id and permission_rest.resumed_at is null
)

select
    kept.customer_id,
    kept.kind
from kept
order by kept.customer_id, kept.kind
