-- One definition with its texts.
-- grain: at most one row
-- definition_md5 text
-- look-back: none
select
    definition.campaign,
    definition.campaign_file,
    definition.sender,
    definition.brand,
    (
        select json_object_agg(definition_file.path, source_text.content)
        from message.definition_file
        inner join message.source_text on definition_file.text_md5 = source_text.text_md5
        where definition_file.definition_md5 = definition.definition_md5
    ) as texts
from message.definition
where definition.definition_md5 = cast(:definition_md5 as text)
