-- Remove a person from the raw events: the address, and every key of the event that could identify them.
-- grain: one row per event
-- customer_id text; address text, lower case (null = unknown or shared: only the customer's messages count);
-- kept_keys text[]: the keys of the event that stay
with theirs as (
    select
        event.sg_event_id,
        event.occurred_at
    from event.event
    where event.address = cast(:address as text)
    union
    select
        event.sg_event_id,
        event.occurred_at
    from journey.enrollment
    inner join message.message on enrollment.enrollment_id = message.enrollment_id
    inner join event.event on message.message_id = event.message_id
    where enrollment.customer_id = cast(:customer_id as text)
)

update event.event
set
    address = null,
    raw = (
        select coalesce(json_object_agg(field.key, field.value), cast('{}' as json))
        from json_each(event.raw) as field
        where field.key = any(cast(:kept_keys as text[])) or field.key like 'lm\_%'
    )
from theirs
where event.sg_event_id = theirs.sg_event_id and event.occurred_at = theirs.occurred_at
