-- Running series of one customer, each with its campaign as it was last published.
-- grain: one row per series
-- customer_id text
-- look-back: none
select
    enrollment.campaign,
    campaign.definition,
    campaign.definition_md5
from journey.enrollment
inner join journey.campaign on enrollment.campaign = campaign.campaign
where enrollment.customer_id = cast(:customer_id as text) and enrollment.ended_at is null
order by enrollment.campaign
