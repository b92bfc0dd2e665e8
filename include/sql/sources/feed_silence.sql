-- What: feeds that brought nothing new for longer than `silence`, and longer than between any two loads of the last
-- two weeks that brought something new of it. A feed is judged by its own habit: a small shop sells nothing at night.
-- So it is judged only if at least 24 loads of these weeks brought something new of it.
-- Grain: one row per silent feed: its last news, and how many loads came since and brought nothing new of it.
-- Parameters: now timestamptz; silence interval; missing_periods integer, the least number of such loads.
-- Look-back: 14 days of loads.
with news as (
    select
        told.feed,
        load.started_at,
        load.started_at - lag(load.started_at) over (partition by told.feed order by load.started_at) as gap
    from source.load
    cross join lateral jsonb_each(load.counts) as told (feed, counts)
    where
        load.finished_at is not null
        and load.started_at > cast(:now as timestamptz) - interval '336 hours'
        and cast(told.counts ->> 'changed' as bigint) > 0
),

habit as (
    select
        feed,
        max(started_at) as last_news_at,
        max(gap) as longest_gap
    from news
    group by feed
    having count(*) >= 24
)

select
    habit.feed,
    habit.last_news_at,
    count(load.load_id) as loads_since
from habit
left join source.load on habit.last_news_at < load.started_at and load.finished_at is not null
where cast(:now as timestamptz) - habit.last_news_at > greatest(habit.longest_gap, cast(:silence as interval))
group by habit.feed, habit.last_news_at
having count(load.load_id) >= greatest(cast(:missing_periods as integer), 1)
order by habit.feed
