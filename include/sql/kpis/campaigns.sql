-- Every campaign, and its goal and credit in the form in which the roll-up records what it counted by.
-- grain: one row per campaign
select
    campaign.campaign,
    concat_ws(
        '|', campaign.goal_event, campaign.goal_within_days, campaign.is_marketing,
        nullif(campaign.credit_model, 'sent'), campaign.credit_within_days
    ) as goal
from journey.campaign
order by campaign.campaign
