-- Keep what the approver of a waiting version is shown.
-- grain: one row per version that waits
-- parameters: segment, preview text; version integer
-- look-back: none
update segment.request
set preview = cast(:preview as text)
where
    request.segment = cast(:segment as text)
    and request.version = cast(:version as integer)
    and request.decision is null
