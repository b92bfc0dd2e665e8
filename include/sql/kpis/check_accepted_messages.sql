-- Every mail that the last roll-up knew as accepted is counted once.
-- grain: one row per offending campaign
with taken as (
    select
        step_outcome.campaign,
        count(step_outcome.accepted_at) as messages
    from kpi.step_outcome
    group by step_outcome.campaign
),

counted as (
    select
        campaign_daily.campaign,
        sum(campaign_daily.accepted) as messages
    from kpi.campaign_daily
    group by campaign_daily.campaign
)

select
    coalesce(taken.campaign, counted.campaign) as campaign,
    taken.messages as taken,
    counted.messages as counted
from taken
full join counted on taken.campaign = counted.campaign
where coalesce(taken.messages, 0) <> coalesce(counted.messages, 0)
