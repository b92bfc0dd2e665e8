-- What: rows that were refused, and rows that were loaded without a value, by feed and named reason, with one example
--   of file and line.
-- Grain: one row per (feed, is_loaded, reason, left_out). left_out: the columns without which the row was loaded;
--   null = the whole row was refused.
-- Parameters: since (timestamptz) beginning of this demo run.
-- Look-back: none, all rows.
with entry as (
    select
        r.feed,
        r.is_loaded,
        r.reason,
        case when r.is_loaded then regexp_replace(r.detail, '^column ', '') end as left_out,
        r.rejected_at,
        r.file || coalesce(':' || r.line::text, '') as place
    from source.rejected as r
)

select
    e.feed,
    e.is_loaded,
    e.reason,
    e.left_out,
    count(*) as row_count,
    count(*) filter (where e.rejected_at >= cast(:since as timestamptz)) as new_count,
    min(e.place) as example
from entry as e
group by e.feed, e.is_loaded, e.reason, e.left_out
order by e.feed asc, row_count desc, e.reason asc, e.left_out asc
