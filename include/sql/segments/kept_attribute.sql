-- The moment that an attribute's kept values are for.
-- grain: one row, or none if nothing is kept
-- attribute text
-- look-back: none
select
    kept_attribute.as_of,
    kept_attribute.load_id,
    kept_attribute.definition_md5
from segment.kept_attribute
where kept_attribute.attribute = cast(:attribute as text)
