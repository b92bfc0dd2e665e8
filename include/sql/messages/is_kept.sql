-- Whether a definition is stored already.
-- grain: one row
-- definition_md5 text
-- look-back: none
select exists(
    select 1
    from message.definition
    where definition.definition_md5 = cast(:definition_md5 as text)
) as is_kept
