-- Shells with planned mails that may go now, the most important first. Mails of a topic that has ended are left out.
-- grain: one row per shell
-- now timestamptz; only_shell_id bigint: this shell alone (null = any)
-- look-back: planned mails
select
    waiting.shell_id,
    shell.campaign,
    shell.step,
    shell.variant,
    shell.language,
    shell.topic,
    shell.definition_md5 as shell_definition_md5,
    coalesce(definition.reading, 0) as reading,
    waiting.mails,
    waiting.unexpired_mails,
    campaign.priority,
    campaign.definition,
    campaign.definition_md5
from (
    select
        message.shell_id,
        count(*) as mails,
        count(*) filter (where message.expires_at >= cast(:now as timestamptz)) as unexpired_mails
    from message.message
    where
        message.state = 'planned'
        and message.not_before <= cast(:now as timestamptz)
        and (cast(:only_shell_id as bigint) is null or message.shell_id = cast(:only_shell_id as bigint))
    group by message.shell_id
) as waiting
inner join message.shell on waiting.shell_id = shell.shell_id
left join message.definition on shell.definition_md5 = definition.definition_md5
inner join journey.campaign on shell.campaign = campaign.campaign
where not exists (select 1 from installation.topic where topic.topic = shell.topic and topic.is_retired)
order by campaign.priority desc, waiting.shell_id asc
