-- Take a person out of the raw events: no address, and of the event only what names nobody.
-- grain: one row an event
-- customer_id text; address text, lower case (null = only by the customer's messages: not known, or shared);
-- kept_keys text[] of the event
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
