-- Make the filters by address of raw events that came in since they were last made: an erasure reads those through.
-- grain: one row; ranges = ranges of pages that got a filter
-- look-back: every month; only what has no filter is read
select coalesce(sum(brin_summarize_new_values(part.inhrelid)), 0) as ranges
from pg_inherits as part
where part.inhparent = cast('event.event_address_filter' as regclass)
