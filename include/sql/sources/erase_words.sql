-- What: take the mailboxes that were an erased customer's alone out of what was said: the words stay, and name none.
-- Grain: one row per word.
-- Parameters: customer_id text; addresses text[], lower case. Look-back: words of the customer and at the mailboxes.
with forgotten as (
    delete from source.feed_word
    where feed_word.customer_id = '' and feed_word.address = any(cast(:addresses as text[]))
)

update source.permission_change
set address = null
where
    permission_change.address = any(cast(:addresses as text[]))
    and (
        permission_change.customer_id = cast(:customer_id as text)
        -- A refused row may have said it of another customer, or of none.
        or (permission_change.permission = 'withdrawn' and permission_change.origin not in ('sunset', 'erasure'))
    )
