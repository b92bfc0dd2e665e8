-- Store a rendered shell. If another run stored one of the same key first, that shell is used.
-- grain: one row per shell_key
-- columns of message.shell; slot_tokens, brand, offer jsonb
-- look-back: none
insert into message.shell (
    shell_key, campaign, step, variant, language, currency, template, template_version, topic, token,
    slot_tokens, subject, preheader, html, text_part, brand, offer, slots_dictionary,
    definition_md5, is_again
)
values (
    cast(:shell_key as text),
    cast(:campaign as text),
    cast(:step as text),
    cast(:variant as text),
    cast(:language as text),
    cast(:currency as text),
    cast(:name as text),
    cast(:template_version as text),
    cast(:topic as text),
    cast(:token as text),
    cast(:slot_tokens as jsonb),
    cast(:subject as text),
    cast(:preheader as text),
    cast(:html as text),
    cast(:text as text),
    cast(:brand as jsonb),
    cast(:offer as jsonb),
    cast(:slots_dictionary as bytea),
    cast(:definition_md5 as text),
    cast(:is_again as boolean)
)
on conflict (shell_key) do update set shell_key = excluded.shell_key
returning shell_id
