-- What: revenue credited to each campaign, and per delivered mail; one row more if it is converted too.
-- Grain: one row per campaign, currency and is_converted; the converted one is the last of its campaign.
-- Parameters: none.
-- Look-back: none, all days.
select
    r.campaign,
    r.currency,
    r.is_converted,
    r.revenue,
    r.revenue_per_email
from kpi.campaign_revenue as r
where r.step is null
order by r.campaign, r.is_converted, r.currency
