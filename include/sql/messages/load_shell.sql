-- One shell, under the names the renderer uses.
-- grain: one row
-- shell_id bigint
-- look-back: none
select
    shell.shell_id,
    shell.shell_key,
    shell.template as name,
    shell.campaign,
    shell.step,
    shell.variant,
    shell.language,
    shell.currency,
    shell.template_version,
    shell.topic,
    shell.token,
    shell.slot_tokens,
    shell.subject,
    shell.preheader,
    shell.html,
    shell.text_part as text,
    shell.brand,
    shell.offer,
    shell.slots_dictionary,
    shell.definition_md5,
    shell.is_again
from message.shell
where shell.shell_id = cast(:shell_id as bigint)
