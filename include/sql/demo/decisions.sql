-- What: decisions by outcome, named reason and campaign.
-- Grain: one row per (outcome, reason, campaign).
-- Parameters: since (timestamptz) beginning of this demo run.
-- Look-back: none, all decisions.
select
    d.outcome,
    d.reason,
    d.campaign,
    count(*) as row_count,
    count(*) filter (where d.decided_at >= cast(:since as timestamptz)) as new_count
from decision.decision as d
group by d.outcome, d.reason, d.campaign
order by d.outcome = 'send' desc, d.outcome asc, d.reason asc, d.campaign asc
