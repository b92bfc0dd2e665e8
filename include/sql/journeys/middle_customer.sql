-- A customer in the middle of the segment's members, by the sample that `analyze` took. Enrolling is cut in two there.
-- Any cut gives the right result; this one makes the parts about equal.
-- grain: one row; customer_id null = few members, or no sample
-- segment text; many_rows: with fewer members, two parts are not worth it
-- look-back: open intervals, up to many_rows of them
select bounds.customer_ids[(1 + array_length(bounds.customer_ids, 1)) / 2] as customer_id
from
    (
        select
            (
                select cast(cast(stats.histogram_bounds as text) as text[])
                from pg_catalog.pg_stats as stats
                where
                    stats.schemaname = 'segment'
                    and stats.tablename = 'membership'
                    and stats.attname = 'customer_id'
                    and not stats.inherited
            ) as customer_ids
        from
            (
                select membership.segment
                from segment.membership
                where membership.segment = cast(:segment as text) and membership.left_at is null
                limit cast(:many_rows as integer)
            ) as member
        having count(*) = cast(:many_rows as integer)
    ) as bounds
