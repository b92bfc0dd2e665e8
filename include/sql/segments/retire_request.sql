-- Retire a segment: no version that was approved so far runs any more.
-- grain: one row per version retired
-- parameters: segment, retired_by, because text; now timestamptz
-- look-back: none
update segment.request
set
    retired_at = cast(:now as timestamptz),
    retired_by = cast(:retired_by as text),
    retired_because = cast(:because as text)
where
    request.segment = cast(:segment as text)
    and request.decision = 'approved'
    and request.retired_at is null
