-- What is noted of a campaign's name.
-- grain: at most one row
-- campaign text
-- look-back: none
select
    campaign.campaign,
    campaign.first_name,
    campaign.became,
    campaign.retired_at,
    campaign.retired_because
from installation.campaign
where campaign.campaign = cast(:campaign as text)
