-- Functions and views as they were last applied, and whether each still exists.
-- grain: one row per file
-- look-back: none
select
    definition.file,
    definition.identity,
    definition.md5,
    case
        when definition.identity like '%(%' then to_regprocedure(definition.identity) is not null
        else to_regclass(definition.identity) is not null
    end as is_present
from installation.definition
order by definition.file
