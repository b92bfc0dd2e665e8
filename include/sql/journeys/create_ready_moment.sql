-- Step 3 of noticing where steps do not all count from the enrollment: what each series awaits now. A step that is not
-- known yet lets the next run look again. Steps that may follow the end keep a series without other steps in sight.
-- grain: one row per enrollment; next_step, next_due_at null = none is left
-- as_of timestamptz; end_step text: the first step that follows an end (null = the campaign has none)
-- look-back: none
create temporary table ready on commit drop as
select
    moment.enrollment_id,
    moment.customer_id,
    moment.steps_from,
    coalesce(
        (array_agg(moment.step order by moment.due_at nulls first, moment.position) filter (where ahead.is_so))[1],
        case when not moment.has_ended then cast(:end_step as text) end
    ) as next_step,
    coalesce(
        case
            when bool_or(ahead.is_so and moment.due_at is null) then cast(:as_of as timestamptz)
            else min(moment.due_at) filter (where ahead.is_so)
        end,
        case when not moment.has_ended and cast(:end_step as text) is not null then cast('infinity' as timestamptz) end
    ) as next_due_at
from moment
cross join lateral (select moment.step is not null and not moment.is_due as is_so) as ahead
group by moment.enrollment_id, moment.customer_id, moment.steps_from, moment.has_ended
