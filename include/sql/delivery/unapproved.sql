-- Campaigns of which planned mails, not stale yet, wait for an approval of the present definition.
-- grain: one row a campaign
-- now timestamptz
-- look-back: planned mails
select
    campaign.campaign,
    count(*) as mails
from journey.campaign
inner join message.shell on campaign.campaign = shell.campaign
inner join message.message on shell.shell_id = message.shell_id and message.state = 'planned'
where
    message.expires_at >= cast(:now as timestamptz)
    and not exists (
        select 1
        from delivery.approval
        where
            approval.campaign = campaign.campaign
            and approval.definition_md5 = campaign.definition_md5
    )
group by campaign.campaign
order by campaign.campaign
