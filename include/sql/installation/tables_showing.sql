-- Tables whose planner statistics show one of these words: PostgreSQL keeps sampled values of each column.
-- grain: one row per table
-- words text[], lower case
-- look-back: the statistics of every column of every schema but PostgreSQL's own
with shown as (
    select
        pg_stats.schemaname,
        pg_stats.tablename,
        lower(
            concat_ws(
                ' ',
                cast(pg_stats.most_common_vals as text),
                cast(pg_stats.histogram_bounds as text),
                cast(pg_stats.most_common_elems as text)
            )
        ) as sampled
    from pg_stats
    where pg_stats.schemaname not in ('pg_catalog', 'information_schema') and pg_stats.schemaname not like 'pg_temp%'
)

select distinct format('%I.%I', pg_namespace.nspname, indexed.relname) as name
from shown
inner join pg_namespace on shown.schemaname = pg_namespace.nspname
inner join pg_class as relation on pg_namespace.oid = relation.relnamespace and shown.tablename = relation.relname
left join pg_index on relation.oid = pg_index.indexrelid
inner join pg_class as indexed on coalesce(pg_index.indrelid, relation.oid) = indexed.oid
where
    exists (
        select 1 from unnest(cast(:words as text[])) as said (word)
        where strpos(shown.sampled, said.word) > 0
    )
order by 1
