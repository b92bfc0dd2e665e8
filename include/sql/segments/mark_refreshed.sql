-- Record the newest as_of that a segment's intervals are known for, with what its refresh had seen. An older as_of
-- changes nothing.
-- grain: segment
-- parameters: segment text (key in segment.membership), as_of timestamptz; load_id, batch_id; definition_md5 text;
--   read_whole_at timestamptz (null = as it was)
-- look-back: none
insert into segment.refresh as kept (segment, refreshed_at, load_id, batch_id, definition_md5, read_whole_at)
values (
    cast(:segment as text),
    cast(:as_of as timestamptz),
    cast(:load_id as bigint),
    cast(:batch_id as bigint),
    cast(:definition_md5 as text),
    cast(:read_whole_at as timestamptz)
)
on conflict (segment) do update
    set
        refreshed_at = excluded.refreshed_at,
        load_id = excluded.load_id,
        batch_id = excluded.batch_id,
        definition_md5 = excluded.definition_md5,
        read_whole_at = coalesce(excluded.read_whole_at, kept.read_whole_at)
    where excluded.refreshed_at >= kept.refreshed_at
