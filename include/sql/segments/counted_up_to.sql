-- How far the baskets are counted.
-- grain: at most one row
-- look-back: none
select
    recommendation_refresh.refreshed_at,
    recommendation_refresh.load_id,
    recommendation_refresh.rules_md5
from segment.recommendation_refresh
