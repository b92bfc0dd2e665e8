-- Remove a person from the lines that were set aside and that name one of their mails.
-- grain: one row per line
-- customer_id text
with named as (
    select
        rejected.rejected_id,
        cast(found.words[1] as uuid) as message_id
    from event.rejected
    cross join
        regexp_matches(rejected.raw, '[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}', 'g') as found (words)
),

theirs as (
    select named.rejected_id
    from named
    inner join message.message
        on
            message.enrollment_of(named.message_id) = message.enrollment_id
            and named.message_id = message.message_id
    where message.customer_id = cast(:customer_id as text)
)

update event.rejected
set raw = null
where rejected.rejected_id in (select theirs.rejected_id from theirs)
