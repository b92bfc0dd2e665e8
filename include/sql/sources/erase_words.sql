-- What: take the mailboxes out of what an erased customer said, except noes and yeses at a mailbox that another has
-- too: these bind who lives on there. Of a mailbox that was theirs alone, no word keeps the address.
-- Grain: one row per word.
-- Parameters: customer_id text; own, shared text[]: their addresses, lower case. Look-back: words of the customer,
-- and at the mailboxes.
with forgotten as (
    delete from source.feed_word
    where feed_word.customer_id = '' and feed_word.address = any(cast(:own as text[]))
)

update source.permission_change
set address = null
where
    (
        permission_change.customer_id = cast(:customer_id as text)
        and permission_change.address is not null
        and not (
            permission_change.address = any(cast(:shared as text[]))
            and (
                (permission_change.permission = 'withdrawn' and permission_change.origin not in ('sunset', 'erasure'))
                or (permission_change.permission in ('confirmed', 'lifted') and permission_change.origin <> 'feed')
            )
        )
    )
    or (
        permission_change.address = any(cast(:own as text[]))
        and permission_change.permission = 'withdrawn'
        and permission_change.origin not in ('sunset', 'erasure')
    )
    or (
        permission_change.address = any(cast(:own as text[]))
        and permission_change.permission in ('confirmed', 'lifted')
        and permission_change.origin <> 'feed'
    )
