-- Shells that have planned mails, each with the definition that these mails carry.
-- grain: one row per shell
-- now timestamptz; campaign text (null = every campaign)
-- look-back: planned mails
select
    waiting.shell_id,
    shell.campaign,
    shell.step,
    shell.variant,
    shell.language,
    shell.definition_md5 as shell_definition_md5,
    coalesce(definition.reading, 0) as reading,
    waiting.unexpired_mails,
    waiting.expired_mails
from (
    select
        message.shell_id,
        count(*) filter (where message.expires_at >= cast(:now as timestamptz)) as unexpired_mails,
        count(*) filter (where message.expires_at < cast(:now as timestamptz)) as expired_mails
    from message.message
    where message.state = 'planned'
    group by message.shell_id
) as waiting
inner join message.shell on waiting.shell_id = shell.shell_id
left join message.definition on shell.definition_md5 = definition.definition_md5
where cast(:campaign as text) is null or shell.campaign = cast(:campaign as text)
order by shell.campaign, waiting.shell_id
