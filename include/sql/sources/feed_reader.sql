-- What: the owner of source.read_feed, with whose rights SQL feeds are read, and whether it is a superuser.
-- Grain: one row.
-- Parameters: none.
-- Look-back: none.
select
    pg_roles.rolname as reader,
    pg_roles.rolsuper as is_superuser
from pg_proc
inner join pg_roles on pg_proc.proowner = pg_roles.oid
where pg_proc.oid = cast('source.read_feed(text, timestamptz)' as regprocedure)
