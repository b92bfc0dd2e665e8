-- What: mails by state and reason, by campaign.
-- Grain: one row per (campaign, state, reason).
-- Parameters: since (timestamptz) beginning of this demo run.
-- Look-back: none, all mails.
select
    m.campaign,
    m.state,
    case
        when m.state = 'planned' then coalesce('waits: ' || m.reason, 'waits for its hour')
        else m.reason
    end as reason,
    count(*) as row_count,
    count(*) filter (where m.accepted_at >= cast(:since as timestamptz)) as accepted_now
from message.message as m
group by m.campaign, m.state, m.reason
order by m.campaign, m.state, m.reason
