-- End the occurrences of shared series that have ended, as their series did. So the open ones are few.
-- grain: one row per occurrence ended
-- campaign text
-- look-back: occurrences that have not ended
update journey.occurrence
set
    ended_at = enrollment.ended_at,
    end_reason = enrollment.end_reason
from journey.enrollment
where
    occurrence.campaign = cast(:campaign as text)
    and occurrence.fate in ('enrolled', 'joined')
    and occurrence.ended_at is null
    and enrollment.enrollment_id = occurrence.enrollment_id
    and enrollment.ended_at is not null
