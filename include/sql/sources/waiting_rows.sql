-- What: how many rows of the present load name something that no feed has brought.
-- Grain: one row per feed and feed of what is named.
-- Parameters: none. Look-back: the present load.
select
    missing_reference.feed,
    missing_reference.refers_to as names,
    cast(sum(missing_reference.rows) as bigint) as rows,
    count(distinct missing_reference.fact_id) as ids
from missing_reference
group by missing_reference.feed, missing_reference.refers_to
