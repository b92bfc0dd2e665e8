-- Times in which mailing rests because the feed's word about a customer's permission cannot be read.
-- grain: one row per beginning or end of a rest
-- customer_id text
-- look-back: everything
select
    happening.happened_at,
    null as campaign,
    null as step,
    happening.what,
    happening.why,
    1 as place
from source.permission_rest
cross join
    lateral (
        values
        (
            permission_rest.rested_at,
            'mailing rests',
            'the feed''s word about permission cannot be read: ' || permission_rest.file
            || coalesce(' line ' || permission_rest.line::text, '')
        ),
        (permission_rest.resumed_at, 'mailing goes on', 'the feed''s word about permission can be read again')
    ) as happening (happened_at, what, why)
where permission_rest.customer_id = cast(:customer_id as text)
