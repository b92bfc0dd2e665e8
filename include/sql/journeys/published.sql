-- A campaign as it was last published.
-- grain: at most one row
-- campaign text
-- look-back: none
select
    campaign.definition,
    campaign.topic,
    campaign.priority
from journey.campaign
where campaign.campaign = cast(:campaign as text)
