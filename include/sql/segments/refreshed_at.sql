-- What is known of a segment's last refresh: the newest as_of, and what that refresh had seen of loads and ingests.
-- grain: one row, or none before the first refresh
-- parameters: segment text (key in segment.membership)
-- look-back: none
select
    r.refreshed_at,
    r.load_id,
    r.batch_id,
    r.definition_md5,
    r.read_whole_at
from segment.refresh as r
where r.segment = cast(:segment as text)
