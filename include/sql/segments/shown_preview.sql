-- What the approver of a version is shown.
-- grain: one row per version
-- parameters: segment text; version integer
-- look-back: none
select request.preview
from segment.request
where request.segment = cast(:segment as text) and request.version = cast(:version as integer)
