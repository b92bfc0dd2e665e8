-- Make the address filters of raw events that came in since filters were last made. An erasure reads events without a
-- filter in full.
-- grain: one row; ranges = ranges of pages that got a filter
-- look-back: every month; only pages without a filter are read
select coalesce(sum(brin_summarize_new_values(part.inhrelid)), 0) as ranges
from pg_inherits as part
where part.inhparent = cast('event.event_address_filter' as regclass)
