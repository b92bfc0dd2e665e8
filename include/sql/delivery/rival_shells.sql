-- What the mails of these shells are: the columns of delivery/shells_with_work without its counts.
-- grain: one row per shell of a topic that has not ended
-- shell_ids bigint[]
-- look-back: none
select
    shell.shell_id,
    shell.campaign,
    shell.step,
    shell.variant,
    shell.language,
    shell.topic,
    shell.definition_md5 as shell_definition_md5,
    coalesce(definition.reading, 0) as reading,
    0 as mails,
    campaign.priority,
    campaign.definition,
    campaign.definition_md5
from message.shell
left join message.definition on shell.definition_md5 = definition.definition_md5
inner join journey.campaign on shell.campaign = campaign.campaign
where
    shell.shell_id = any(cast(:shell_ids as bigint[]))
    and not exists (select 1 from installation.topic where topic.topic = shell.topic and topic.is_retired)
