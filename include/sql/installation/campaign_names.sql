-- Names of campaigns: those that are noted, and those that were published.
-- grain: one row per name; is_used: series of it were begun
-- look-back: none
select
    campaign.first_name,
    campaign.became,
    campaign.retired_at,
    campaign.retired_because,
    coalesce(campaign.campaign, published.campaign) as campaign,
    campaign.campaign is not null as is_noted,
    published.campaign is not null and (
        exists (select 1 from journey.step_due where step_due.campaign = published.campaign)
        or exists (select 1 from journey.upcoming where upcoming.campaign = published.campaign)
    ) as is_used
from installation.campaign
full outer join journey.campaign as published on campaign.campaign = published.campaign
order by 5
