-- When recommendations were checked last, up to a moment.
-- grain: one row; null = never
-- as_of timestamptz
-- look-back: none
select max(recommendation_check.as_of) as checked_at
from segment.recommendation_check
where recommendation_check.as_of <= cast(:as_of as timestamptz)
