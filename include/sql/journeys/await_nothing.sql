-- Step 5 of noticing: record that ready series without a next step await nothing any more.
-- grain: one row per such series
-- look-back: none
delete from journey.upcoming
using ready
where upcoming.enrollment_id = ready.enrollment_id and ready.next_step is null
