-- End the open intervals of a retired segment. One that began later than now ends at its beginning.
-- grain: one row per membership ended
-- parameters: segment text; now timestamptz
-- look-back: open intervals
update segment.membership
set left_at = greatest(membership.entered_at, cast(:now as timestamptz))
where membership.segment = cast(:segment as text) and membership.left_at is null
