-- Record the moment that an attribute's kept values are for.
-- grain: attribute
-- attribute text; as_of timestamptz; load_id bigint: the last load that they know; definition_md5 text
-- look-back: none
insert into segment.kept_attribute (attribute, as_of, load_id, definition_md5)
values (
    cast(:attribute as text),
    cast(:as_of as timestamptz),
    cast(:load_id as bigint),
    cast(:definition_md5 as text)
)
on conflict (attribute) do update
    set
        as_of = excluded.as_of,
        load_id = excluded.load_id,
        definition_md5 = excluded.definition_md5
