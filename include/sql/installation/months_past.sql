-- What: the monthly partitions of a table that lie wholly before a moment, oldest first.
-- Grain: one row per partition; its first instant.
-- Parameters: parent text, schema.table; before timestamptz.
-- Look-back: none.
with month as (
    select
        cast(
            substring(child.relname from '_(\d{4}_\d{2})$') || '_01 00:00:00+00' as text
        ) as begins
    from pg_inherits as inheritance
    inner join pg_class as child on inheritance.inhrelid = child.oid
    where
        inheritance.inhparent = cast(cast(:parent as text) as regclass)
        and child.relname ~ '_\d{4}_\d{2}$'
),

dated as (
    select to_timestamp(month.begins, 'YYYY_MM_DD HH24:MI:SSTZH') as month_start
    from month
)

select dated.month_start
from dated
where dated.month_start + interval '1 month' <= cast(:before as timestamptz)
order by dated.month_start
