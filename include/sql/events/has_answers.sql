-- Whether the step brought what was said on our own pages beyond a word about a topic.
-- grain: one row
-- look-back: the step's events
select count(*) > 0 as has_answers
from event_staging
where event_staging.fact in ('answer', 'confirm')
