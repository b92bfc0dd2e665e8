-- What: the newest fact that any feed has brought.
-- Grain: one row; none if no feed has brought a fact with a time.
-- Parameters: none. Look-back: none.
select
    newest_fact.feed,
    newest_fact.happened_at
from source.newest_fact
order by newest_fact.happened_at desc, newest_fact.feed asc
limit 1
