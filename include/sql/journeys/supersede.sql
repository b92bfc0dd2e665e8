-- Step 3 of enrolling: end outdated series if no step of theirs was sent. Steps that they still await come due at
-- once, so that each gets its decision.
-- grain: one row per run; ended = enrollments ended
-- as_of timestamptz
-- look-back: sent = any message past 'planned', or a held-out customer's step that was decided (read back from messages
-- and decisions, decision 0003). So people who are held out are superseded as seldom as those who get mail.
-- `unsent` holds mails that certainly have not gone. A mail under a claim may go when the claim commits, so it is
-- skipped. Here and below the enrollments are given as a list. So each is an index probe, even if this part of the
-- members compares whole tables by hashing.
with unsent as (
    select
        message.enrollment_id,
        message.step
    from message.message
    where
        message.enrollment_id = any(array(select outdated.enrollment_id from outdated))
        and message.state in ('planned', 'cancelled')
    for share skip locked
),

sent as (
    select distinct message.enrollment_id
    from message.message
    where
        message.enrollment_id = any(array(select outdated.enrollment_id from outdated))
        and not exists (
            select 1
            from unsent
            where unsent.enrollment_id = message.enrollment_id and unsent.step = message.step
        )
    union
    select decision.enrollment_id
    from decision.decision
    where
        decision.enrollment_id = any(array(select outdated.enrollment_id from outdated where outdated.is_holdout))
        and decision.reason = 'held_out'
),

ended as (
    update journey.enrollment
    set
        ended_at = cast(:as_of as timestamptz),
        end_reason = 'superseded'
    where
        enrollment.enrollment_id = any(
            array(
                select outdated.enrollment_id
                from outdated
                where not exists (select 1 from sent where sent.enrollment_id = outdated.enrollment_id)
            )
        )
        and enrollment.ended_at is null
    returning enrollment.enrollment_id
),

due_at_once as (
    update journey.upcoming
    set due_at = least(upcoming.due_at, cast(:as_of as timestamptz))
    where upcoming.enrollment_id = any(array(select ended.enrollment_id from ended))
    returning upcoming.enrollment_id
)

select count(*) as ended
from ended
