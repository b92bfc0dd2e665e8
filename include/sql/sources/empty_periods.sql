-- What: in how many hours loads ended that brought nothing new of any feed, since the hour of the last load with news.
-- A load that is repeated within its hour counts once.
-- Grain: one row.
-- Parameters: now timestamptz. Look-back: 14 days of loads.
with ended as (
    select
        date_trunc('hour', load.started_at) as period,
        jsonb_path_exists(load.counts, '$.*.changed ? (@ > 0)') as has_news
    from source.load
    where
        load.finished_at is not null
        and load.started_at > cast(:now as timestamptz) - interval '336 hours'
)

select count(distinct ended.period) as periods
from ended
where
    ended.period > coalesce(
        (select max(last_news.period) from ended as last_news where last_news.has_news),
        '-infinity'
    )
