-- The role with whose rights segments are read, as it is written in a statement.
-- grain: one row
-- look-back: none
select quote_ident(r.rolname) as reader
from pg_catalog.pg_proc as p
inner join pg_catalog.pg_roles as r on p.proowner = r.oid
where p.oid = cast('segment.read_select(text)' as regprocedure)
