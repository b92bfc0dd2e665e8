-- Record the newest as_of that a segment's intervals are known for. An older one changes nothing.
-- grain: segment
-- parameters: segment text (key in segment.membership), as_of timestamptz
-- look-back: none
insert into segment.refresh (segment, refreshed_at)
values (cast(:segment as text), cast(:as_of as timestamptz))
on conflict (segment) do update
    set refreshed_at = greatest(segment.refresh.refreshed_at, excluded.refreshed_at)
