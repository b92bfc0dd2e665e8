-- Step 1 of joining: running series of candidates' customers, if no mail of the series was claimed yet, and no step
-- decided for a customer who is held out. Their mails stay locked until the join is committed, so that no claim takes
-- one meanwhile.
-- grain: one row per enrollment
-- campaign text; as_of timestamptz
-- look-back: running enrollments; messages and decisions are read back as data (decision 0003)
-- A mail under a claim may go when the claim commits, so it is skipped, and its series is not here.
create temporary table joinable on commit drop as
with running as (
    select
        enrollment.enrollment_id,
        enrollment.customer_id,
        enrollment.is_holdout
    from journey.enrollment
    where
        enrollment.campaign = cast(:campaign as text)
        and enrollment.ended_at is null
        and enrollment.enrolled_at <= cast(:as_of as timestamptz)
        and enrollment.customer_id in (select candidate.customer_id from candidate)
),

untouched as (
    select
        message.enrollment_id,
        message.step
    from message.message
    where
        message.enrollment_id = any(array(select running.enrollment_id from running))
        and message.state in ('planned', 'cancelled')
        and message.claimed_at is null
    for update skip locked
),

begun as (
    select message.enrollment_id
    from message.message
    where
        message.enrollment_id = any(array(select running.enrollment_id from running))
        and not exists (
            select 1
            from untouched
            where untouched.enrollment_id = message.enrollment_id and untouched.step = message.step
        )
    union
    select decision.enrollment_id
    from decision.decision
    where
        decision.enrollment_id = any(array(select running.enrollment_id from running where running.is_holdout))
        and decision.reason = 'held_out'
)

select
    running.enrollment_id,
    running.customer_id
from running
where not exists (select 1 from begun where begun.enrollment_id = running.enrollment_id)
