-- How much the customers of preview_member got lately: who had a mail held back by a cap or a more important mail in
-- the last 7 days, and who got many mails in the last 30 days.
-- grain: one row
-- parameters: now timestamptz; many mails
-- look-back: 30 days
with capped as (
    select count(distinct preview_member.customer_id) as customers
    from preview_member
    inner join decision.decision on preview_member.customer_id = decision.customer_id
    where
        decision.outcome in ('send', 'defer')
        and decision.reason in ('capped', 'lower_priority')
        and decision.expires_at > cast(:now as timestamptz) - interval '7 days'
        and decision.decided_at > cast(:now as timestamptz) - interval '7 days'
        and decision.decided_at <= cast(:now as timestamptz)
),

mailed as (
    select count(*) as mails
    from message.message
    inner join preview_member on message.customer_id = preview_member.customer_id
    inner join journey.campaign on message.campaign = campaign.campaign and campaign.is_marketing
    where
        message.accepted_at > cast(:now as timestamptz) - interval '30 days'
        and message.accepted_at <= cast(:now as timestamptz)
    group by message.customer_id
)

select
    (select capped.customers from capped) as capped,
    count(*) filter (where mailed.mails >= cast(:many as integer)) as mailed_often,
    count(*) as mailed,
    coalesce(sum(mailed.mails), 0) as mails
from mailed
