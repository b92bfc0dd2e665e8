-- How much would be lost with topics that the file does not name. It is asked only if such a topic is found.
-- grain: one row per name that has any
-- names text[]: topics; opt_outs: addresses that left the topic or came back to it; mails: mails in any state
-- look-back: every opt-out and mail
with named as (
    select unnest(cast(:names as text[])) as topic
),

opted as (
    select
        said.topic,
        count(distinct said.address) as opt_outs
    from (
        select
            named.topic,
            suppression.address
        from named
        inner join event.suppression on 'topic:' || named.topic = suppression.scope
        union all
        select
            named.topic,
            resubscription.address
        from named
        inner join event.resubscription on 'topic:' || named.topic = resubscription.scope
    ) as said
    group by said.topic
),

mailed as (
    select
        shell.topic,
        count(*) as mails
    from named
    inner join message.shell on named.topic = shell.topic
    inner join message.message on shell.shell_id = message.shell_id
    group by shell.topic
),

planned as (
    select
        campaign.topic,
        count(*) as campaigns
    from named
    inner join journey.campaign on named.topic = campaign.topic
    group by campaign.topic
)

select
    named.topic,
    coalesce(opted.opt_outs, 0) as opt_outs,
    coalesce(mailed.mails, 0) as mails,
    coalesce(planned.campaigns, 0) as campaigns
from named
left join opted on named.topic = opted.topic
left join mailed on named.topic = mailed.topic
left join planned on named.topic = planned.topic
where coalesce(opted.opt_outs, mailed.mails, planned.campaigns) > 0
order by named.topic
