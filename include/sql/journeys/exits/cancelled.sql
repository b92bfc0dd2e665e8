-- exit: cancelled
-- what: the registration that the series is about was cancelled, or its occasion is at another time now (the reason is
--   occasion_moved: a series about the new time may begin).
-- grain: one row per registration: enrollment_id, reason, exited_at (if no feed says when, it is the load that brought
--   the news)
-- reads: series
-- look-back: the registration and the occasion that the series names
select
    series.enrollment_id,
    'cancelled' as reason,
    coalesce(registration.status_at, load.started_at) as exited_at
from series
inner join source.registration
    on
        series.context ->> 'occasion_id' = registration.occasion_id
        and series.customer_id = registration.customer_id
left join source.load on registration.load_id = load.load_id
where registration.status = 'cancelled'
union all
select
    series.enrollment_id,
    'occasion_moved' as reason,
    load.started_at as exited_at
from series
inner join source.occasion on series.context ->> 'occasion_id' = occasion.occasion_id
inner join source.load on occasion.load_id = load.load_id
where
    date_trunc('second', occasion.starts_at)
    <> date_trunc('second', cast(series.context ->> 'starts_at' as timestamptz))
