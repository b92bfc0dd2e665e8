-- Store a definition with the texts that it is made of. If it is stored already, it stays as it is.
-- grain: one row per definition, file and text
-- definition_md5, campaign text; campaign_file, sender, brand json; files jsonb: [{path, text_md5, content}]
-- look-back: none
with kept as (
    insert into message.definition (definition_md5, campaign, campaign_file, sender, brand)
    values (
        cast(:definition_md5 as text),
        cast(:campaign as text),
        cast(:campaign_file as json),
        cast(:sender as json),
        cast(:brand as json)
    )
    on conflict do nothing
    returning definition_md5
),

file as (
    select
        kept.definition_md5,
        given.path,
        given.text_md5,
        given.content
    from kept
    cross join jsonb_to_recordset(cast(:files as jsonb)) as given (path text, text_md5 text, content text)
),

texts as (
    insert into message.source_text (text_md5, content)
    select distinct on (file.text_md5)
        file.text_md5,
        file.content
    from file
    order by file.text_md5
    on conflict do nothing
)

insert into message.definition_file (definition_md5, path, text_md5)
select
    file.definition_md5,
    file.path,
    file.text_md5
from file
