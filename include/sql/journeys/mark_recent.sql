-- Step 3 of joining: mark the candidates that the campaign may not mail about again yet.
-- grain: one row per candidate marked
-- segment text; about text[]: keys of the context that say what an occurrence is about
-- look-back: none
update candidate
set is_too_soon = true
from segment.membership, recent
where
    membership.segment = cast(:segment as text)
    and membership.customer_id = candidate.customer_id
    and membership.occurrence = candidate.occurrence
    and membership.entered_at = candidate.entered_at
    and recent.customer_id = candidate.customer_id
    and recent.subject is not distinct from journey.subject_of(membership.context, cast(:about as text[]))
