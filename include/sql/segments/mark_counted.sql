-- Record how far the baskets are counted.
-- grain: one row
-- as_of timestamptz; load_id: the last load that is counted; rules_md5: checksum of what a basket is
-- look-back: none
insert into segment.recommendation_refresh (refreshed_at, load_id, rules_md5)
values (cast(:as_of as timestamptz), cast(:load_id as bigint), cast(:rules_md5 as text))
on conflict (is_only) do update
    set refreshed_at = excluded.refreshed_at, load_id = excluded.load_id, rules_md5 = excluded.rules_md5
