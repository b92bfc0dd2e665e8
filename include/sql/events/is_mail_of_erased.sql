-- Whether a mail went to a customer who was erased since then.
-- grain: one row
-- message_id text, a uuid
-- look-back: none
select exists(
    select 1
    from message.message
    inner join source.customer on message.customer_id = customer.customer_id
    where
        message.enrollment_id = message.enrollment_of(cast(:message_id as uuid))
        and message.message_id = cast(:message_id as uuid)
        and customer.erased_at is not null
) as is_theirs
