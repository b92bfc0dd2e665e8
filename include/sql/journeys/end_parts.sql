-- Step 2 of ending shared occurrences: end each occurrence of a struck series that an exit ends.
-- grain: one row per occurrence ended
-- goal_facts text[]: exit words that are the goal itself, named 'converted'; and what journeys/judged_part binds
-- judged_part: the rows of journeys/judged_part
-- look-back: facts since each series began
with asked as (select struck.enrollment_id from struck)  -- noqa: ST03

update journey.occurrence
set
    ended_at = greatest(judged.exited_at, judged.enrolled_at),
    end_reason = case
        when judged.reason = any(cast(:goal_facts as text[])) then 'converted'
        else judged.reason
    end
from judged_part as judged
where
    judged.reason is not null
    and occurrence.customer_id = judged.customer_id
    and occurrence.campaign = judged.campaign
    and occurrence.occurrence = judged.occurrence
returning occurrence.enrollment_id
