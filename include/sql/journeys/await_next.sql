-- Step 4 of noticing: record the next step that each ready series awaits.
-- grain: one row per series that has one
-- look-back: none
update journey.upcoming
set
    step = ready.next_step,
    due_at = ready.next_due_at
from ready
where upcoming.enrollment_id = ready.enrollment_id and ready.next_step is not null
