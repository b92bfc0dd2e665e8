-- Whether the provider's events come as they should, judged by the mails that it accepted.
-- grain: one row: newest_at = newest event of our mails (null = none); is_silent = it is older than the limit, and a
--   mail that was accepted after it should have been heard of; missing_hours = hours of the last day in which several
--   mails were accepted and none of them has an event
-- now timestamptz; silent_hours hours (0 = never silent)
-- look-back: batches of events; the mails accepted in the last 25 hours, of each hour up to the first with an event
with newest as (
    select max(batch.newest_at) as newest_at
    from event.batch
    -- A time ahead of the clock says nothing of the present.
    where batch.newest_at <= cast(:now as timestamptz) + interval '5 minutes'
),

hour as (
    select series.begins_at
    from generate_series(
        date_trunc('hour', cast(:now as timestamptz)) - interval '25 hours',
        date_trunc('hour', cast(:now as timestamptz)) - interval '2 hours',
        interval '1 hour'
    ) as series (begins_at)
),

missing as (
    select hour.begins_at
    from hour
    where
        -- The fifth mail of the hour: one or two may be without an event by chance.
        exists (
            select 1
            from message.message
            where
                message.accepted_at >= hour.begins_at
                and message.accepted_at < hour.begins_at + interval '1 hour'
                and message.reason is distinct from 'settled_by_event'
            offset 4
        )
        and not exists (
            select 1
            from message.message
            inner join event.engagement
                on message.enrollment_id = engagement.enrollment_id and message.step = engagement.step
            where
                message.accepted_at >= hour.begins_at
                and message.accepted_at < hour.begins_at + interval '1 hour'
                and engagement.first_event_at is not null
        )
)

select
    newest.newest_at,
    (select count(*) from missing) as missing_hours,
    cast(:silent_hours as double precision) > 0
    and coalesce(newest.newest_at, '-infinity')
    < cast(:now as timestamptz) - cast(:silent_hours as double precision) * interval '1 hour'
    and exists (
        select 1
        from message.message
        where
            message.accepted_at > coalesce(newest.newest_at, '-infinity')
            -- Its events need some minutes, and the next ingest.
            and message.accepted_at <= cast(:now as timestamptz) - interval '1 hour'
            and message.reason is distinct from 'settled_by_event'
    ) as is_silent
from newest
