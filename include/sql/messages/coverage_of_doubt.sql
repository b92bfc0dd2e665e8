-- How far the provider's events cover the mails that it accepted around the attempts whose mails are in doubt. No time
-- of an event is read, only whether a mail has an event with our ids. Mails that an event settled always have one, and
-- would make coverage look full. So only mails that the provider's answer accepted count.
-- grain: one row per attempt moment; doubtful = its mails in doubt; mails = mails accepted in the window; has_event =
--   of these, mails with an event; silent_hours = hours of the window with accepted mails, none with an event
-- topic text; settle_after_hours, before_hours hours: the window is attempted_at − before_hours ≤ accepted_at
--   < attempted_at + settle_after_hours; now timestamptz: the window has to be over at it
-- look-back: mails in doubt; mails accepted in the windows, each looked at once however many windows it is in
with attempt as (
    select
        message.claimed_at as attempted_at,
        count(*) as doubtful,
        message.claimed_at - cast(:before_hours as double precision) * interval '1 hour' as begins_at,
        message.claimed_at + cast(:settle_after_hours as double precision) * interval '1 hour' as ends_at
    from message.message
    where
        message.state = 'in_doubt'
        and installation.topic_called(message.topic) = cast(:topic as text)
        and message.claimed_at + cast(:settle_after_hours as double precision) * interval '1 hour'
        <= cast(:now as timestamptz)
    group by message.claimed_at
),

span as (
    select unnest(range_agg(tstzrange(attempt.begins_at, attempt.ends_at))) as span
    from attempt
),

taken as materialized (
    select
        mail.accepted_at,
        count(*) as mails,
        count(heard.is_heard) as has_event
    from span
    inner join lateral (
        select
            message.enrollment_id,
            message.step,
            message.accepted_at
        from message.message
        where
            message.accepted_at >= lower(span.span)
            and message.accepted_at < upper(span.span)
            and message.state = 'accepted'
            and message.reason is distinct from 'settled_by_event'
        -- Here and below, keeps this an index probe per mail, however many messages there are.
        offset 0
    ) as mail on true
    left join lateral (
        select true as is_heard
        from event.engagement
        where
            engagement.enrollment_id = mail.enrollment_id
            and engagement.step = mail.step
            and engagement.first_event_at is not null
        offset 0
    ) as heard on true
    group by mail.accepted_at
),

hours as (
    select
        attempt.attempted_at,
        attempt.doubtful,
        floor(extract(epoch from taken.accepted_at - attempt.attempted_at) / 3600) as hour,
        coalesce(sum(taken.mails), 0) as mails,
        coalesce(sum(taken.has_event), 0) as has_event
    from attempt
    left join taken on attempt.begins_at <= taken.accepted_at and attempt.ends_at > taken.accepted_at
    group by 1, 2, 3
)

select
    hours.attempted_at,
    hours.doubtful,
    cast(sum(hours.mails) as bigint) as mails,
    cast(sum(hours.has_event) as bigint) as has_event,
    count(*) filter (where hours.mails > 0 and hours.has_event = 0) as silent_hours
from hours
group by hours.attempted_at, hours.doubtful
order by hours.attempted_at
