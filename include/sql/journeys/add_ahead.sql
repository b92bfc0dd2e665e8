-- Step 5 of joining: what falls due to customers whose series begins within the days to join ahead enters with it.
-- grain: one row per customer and occurrence
-- campaign text; about text[]: keys of the context that say what an occurrence is about
-- look-back: none
insert into entrant (customer_id, occurrence, occurred_at, context, subject, joins)
select
    ahead.customer_id,
    ahead.occurrence,
    ahead.occurred_at,
    ahead.context,
    journey.subject_of(ahead.context, cast(:about as text[])) as subject,
    false as joins
from ahead
where
    not exists (
        select 1
        from candidate
        where candidate.customer_id = ahead.customer_id and candidate.occurrence = ahead.occurrence
    )
    and not exists (
        select 1
        from journey.enrollment as known
        where
            known.campaign = cast(:campaign as text)
            and known.customer_id = ahead.customer_id
            and known.occurrence = ahead.occurrence
    )
    and not exists (
        select 1
        from journey.occurrence as part
        where
            part.campaign = cast(:campaign as text)
            and part.customer_id = ahead.customer_id
            and part.occurrence = ahead.occurrence
            and part.fate <> 'waiting'
    )
    -- What another customer had before is judged when it is due, as a candidate.
    and not exists (
        select 1
        from journey.series_about as other
        where
            other.campaign = cast(:campaign as text)
            and other.thing = journey.thing_of(ahead.context)
            and other.customer_id <> ahead.customer_id
    )
    and not exists (
        select 1
        from recent
        where
            recent.customer_id = ahead.customer_id
            and recent.subject is not distinct from journey.subject_of(ahead.context, cast(:about as text[]))
    )
