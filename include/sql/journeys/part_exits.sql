-- What would end the occurrences of a customer's shared series, for `why`.
-- grain: one row per occurrence that goes on, the first to end first; reason, exited_at null = nothing ends it
-- campaign, customer_id text, and what journeys/judged_part binds
-- judged_part: the rows of journeys/judged_part
-- look-back: facts since the series began
with asked as (  -- noqa: ST03
    select enrollment.enrollment_id
    from journey.enrollment
    where
        enrollment.campaign = cast(:campaign as text)
        and enrollment.customer_id = cast(:customer_id as text)
        and enrollment.ended_at is null
        and enrollment.joined > 0
)

select
    judged.occurrence,
    judged.reason,
    judged.exited_at
from judged_part as judged
order by judged.exited_at asc nulls last, judged.reason desc, judged.occurrence asc
