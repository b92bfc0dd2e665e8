-- A customer in the middle of all, by the sample that `analyze` took. A segment's first refresh is cut in two there.
-- Any cut gives the right result; this one makes the parts about equal.
-- grain: one row, or none (few customers); customer_id null = no sample
-- many_rows: with fewer customers, two parts are not worth it
-- look-back: none
select bounds.customer_ids[(1 + array_length(bounds.customer_ids, 1)) / 2] as customer_id
from pg_catalog.pg_class as customers
left join
    lateral (
        select cast(cast(stats.histogram_bounds as text) as text[]) as customer_ids
        from pg_catalog.pg_stats as stats
        where stats.schemaname = 'source' and stats.tablename = 'customer' and stats.attname = 'customer_id'
    ) as bounds
    on true
where customers.oid = cast('source.customer' as regclass) and customers.reltuples >= cast(:many_rows as integer)
