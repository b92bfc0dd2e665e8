-- Step 8 of joining: an occurrence ends inside its series if a newer one about the same thing joined.
-- grain: one row per occurrence ended
-- as_of timestamptz; about text[]: keys of the context that say what an occurrence is about
-- look-back: none
update journey.occurrence
set
    ended_at = cast(:as_of as timestamptz),
    end_reason = 'superseded'
from sharing
where
    occurrence.enrollment_id = sharing.enrollment_id
    and occurrence.fate in ('enrolled', 'joined')
    and occurrence.ended_at is null
    and occurrence.occurrence <> sharing.occurrence
    and occurrence.occurred_at < sharing.occurred_at
    and journey.subject_of(occurrence.context, cast(:about as text[])) = sharing.subject
