-- Marketing campaigns of a higher priority, as they are published now.
-- grain: one row; campaigns is null if there are none
-- priority integer
-- look-back: none
select array_agg(campaign.campaign) as campaigns
from journey.campaign
where campaign.is_marketing and campaign.priority > cast(:priority as integer)
