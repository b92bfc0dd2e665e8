-- End every running series of a campaign that is retired. Steps that they still await come due at once, for their
-- decision.
-- grain: one row; ended = series ended
-- campaign text; now timestamptz
-- look-back: running series
with ended as (
    update journey.enrollment
    set
        ended_at = greatest(cast(:now as timestamptz), enrollment.enrolled_at),
        end_reason = 'campaign_retired'
    where enrollment.campaign = cast(:campaign as text) and enrollment.ended_at is null
    returning enrollment.enrollment_id
),

due_at_once as (
    update journey.upcoming
    set due_at = least(upcoming.due_at, cast(:now as timestamptz))
    where upcoming.campaign = cast(:campaign as text)
    returning upcoming.enrollment_id
)

select count(*) as ended
from ended
