-- Decide the version of a segment that waits, if it is this one.
-- grain: one row per version decided
-- parameters: segment, decision, decided_by, reason text; version integer; now timestamptz
-- look-back: none
update segment.request
set
    decision = cast(:decision as text),
    decided_at = cast(:now as timestamptz),
    decided_by = cast(:decided_by as text),
    reason = cast(:reason as text),
    preview = null
where
    request.segment = cast(:segment as text)
    and request.version = cast(:version as integer)
    and request.decision is null
