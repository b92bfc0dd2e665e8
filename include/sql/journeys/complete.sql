-- End series that are completed: no step is left, every step is decided, and no mail is still to go.
-- A campaign with steps after the end looks at each series again that ends so.
-- grain: one row; ended = enrollments ended
-- campaign text; as_of timestamptz
-- look-back: running enrollments; reads decisions, progress and message states back as data (decision 0003)
with ended as (
    update journey.enrollment
    set
        ended_at = cast(:as_of as timestamptz),
        end_reason = 'completed'
    where
        enrollment.campaign = cast(:campaign as text)
        and enrollment.ended_at is null
        and enrollment.enrolled_at <= cast(:as_of as timestamptz)
        and not exists (
            select 1
            from journey.upcoming
            where upcoming.enrollment_id = enrollment.enrollment_id and upcoming.due_at < 'infinity'
        )
        and not exists (
            select 1
            from journey.step_due
            where
                step_due.enrollment_id = enrollment.enrollment_id
                and step_due.step_due_id > coalesce(
                    (
                        select progress.last_step_due_id
                        from decision.progress
                        where progress.campaign = cast(:campaign as text) and progress.lane = step_due.lane
                    ), 0
                )
        )
        -- Nor is a series completed if the mail of a decision is not written yet. A run may have died or be at it.
        and not exists (
            select 1
            from decision.decision
            where
                decision.enrollment_id = enrollment.enrollment_id
                and decision.outcome in ('send', 'defer')
                and decision.decision_id > coalesce(
                    (
                        select progress.last_decision_id
                        from message.progress
                        where progress.campaign = cast(:campaign as text)
                    ), 0
                )
        )
        and not exists (
            select 1
            from message.message
            where
                message.enrollment_id = enrollment.enrollment_id
                and message.state in ('planned', 'claimed')
        )
    returning enrollment.enrollment_id
),

looked_at_again as (
    update journey.upcoming
    set due_at = cast(:as_of as timestamptz)
    from ended
    where upcoming.enrollment_id = ended.enrollment_id
    returning upcoming.enrollment_id
)

select count(*) as ended
from ended
