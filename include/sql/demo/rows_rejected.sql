-- What: rows set aside, by feed and named reason, with one example of file and line.
-- Grain: one row per (feed, reason).
-- Parameters: since (timestamptz) beginning of this demo run.
-- Look-back: none, all rows.
select
    r.feed,
    r.reason,
    count(*) as row_count,
    count(*) filter (where r.rejected_at >= cast(:since as timestamptz)) as new_count,
    min(r.file || coalesce(':' || r.line::text, '')) as example
from source.rejected as r
group by r.feed, r.reason
order by r.feed asc, row_count desc, r.reason asc
