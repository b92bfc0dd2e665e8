-- A version that waits for its decision gives way to a later one.
-- grain: one row per version replaced
-- parameters: segment text; now timestamptz; requested_by text
-- look-back: none
update segment.request
set
    decision = 'replaced',
    decided_at = cast(:now as timestamptz),
    decided_by = cast(:requested_by as text),
    reason = 'a later version was asked for',
    preview = null
where request.segment = cast(:segment as text) and request.decision is null
