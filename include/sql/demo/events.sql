-- What: deduplicated events by kind; machine opens are kept apart, and so are hard and soft bounces.
-- Grain: one row per kind.
-- Parameters: since (timestamptz) beginning of this demo run.
-- Look-back: none, all events.
with named as (
    select
        b.ingested_at,
        case
            when e.fact = 'machine_open' then 'open (machine)'
            when e.fact = 'bounced_soft' then 'bounce (soft)'
            when e.fact = 'bounced_hard' then 'bounce (hard)'
            else e.event
        end as kind
    from event.event as e
    inner join event.batch as b on e.batch_id = b.batch_id
)

select
    n.kind,
    count(*) as row_count,
    count(*) filter (where n.ingested_at >= cast(:since as timestamptz)) as new_count
from named as n
group by n.kind
order by row_count desc, n.kind asc
