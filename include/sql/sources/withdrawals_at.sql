-- What: the withdrawals in force that were said at a mailbox: those that bind its holders, and those of its holders.
-- Grain: one row per word; customer_id '' = the speaker is not known.
-- Parameters: address text, as compared. Look-back: the log of the mailbox and of its holders, by index.
select
    standing.customer_id,
    standing.origin,
    standing.said_at
from source.mailbox_withdrawal as standing
where standing.address = cast(:address as text)
union
select
    entry.customer_id,
    entry.origin,
    entry.permission_at as said_at
from source.customer
inner join source.permission_change as entry
    on
        customer.customer_id = entry.customer_id
        and customer.permission = entry.permission
        and customer.permission_at = entry.permission_at
        and customer.address = entry.address
where
    customer.address = cast(:address as text)
    and customer.permission = 'withdrawn'
    and customer.erased_at is null
order by customer_id, said_at, origin
