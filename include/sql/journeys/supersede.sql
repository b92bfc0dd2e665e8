-- End running series whose customer has a newer occurrence in the segment, where no step was sent yet.
-- Steps they still await come due at once, for their decision.
-- grain: one row a run; ended = enrollments ended
-- campaign, segment text; as_of timestamptz
-- customer_from, customer_before text: the customers of this part (null = no bound)
-- look-back: running enrollments; sent = any message past 'planned' (read back from messages, decision 0003)
with newest as (
    select
        membership.customer_id,
        max(membership.occurred_at) as occurred_at
    from segment.membership
    where
        membership.segment = cast(:segment as text)
        and membership.entered_at <= cast(:as_of as timestamptz)
        and (membership.left_at is null or membership.left_at > cast(:as_of as timestamptz))
        and (cast(:customer_from as text) is null or membership.customer_id >= cast(:customer_from as text))
        and (cast(:customer_before as text) is null or membership.customer_id < cast(:customer_before as text))
        and not exists (
            select 1
            from journey.enrollment as known
            where
                known.campaign = cast(:campaign as text)
                and known.customer_id = membership.customer_id
                and known.occurrence = membership.occurrence
        )
    group by membership.customer_id
),

replaced as materialized (
    select enrollment.enrollment_id
    from newest
    inner join journey.enrollment
        on
            newest.customer_id = enrollment.customer_id
            and enrollment.campaign = cast(:campaign as text)
            and enrollment.ended_at is null
            and newest.occurred_at > enrollment.occurred_at
            and enrollment.enrolled_at <= cast(:as_of as timestamptz)
),

-- Here and below a list, and an index probe an enrollment, also where the joins above are hashed.
-- Mails that surely have not gone: what a claim holds may go with its commit.
unsent as materialized (
    select
        message.enrollment_id,
        message.step
    from message.message
    where
        message.enrollment_id = any(array(select replaced.enrollment_id from replaced))
        and message.state in ('planned', 'cancelled')
    for share skip locked
),

sent as materialized (
    select distinct message.enrollment_id
    from message.message
    where
        message.enrollment_id = any(array(select replaced.enrollment_id from replaced))
        and not exists (
            select 1
            from unsent
            where unsent.enrollment_id = message.enrollment_id and unsent.step = message.step
        )
),

ended as (
    update journey.enrollment
    set
        ended_at = cast(:as_of as timestamptz),
        end_reason = 'superseded'
    where
        enrollment.enrollment_id = any(
            array(
                select replaced.enrollment_id
                from replaced
                where not exists (select 1 from sent where sent.enrollment_id = replaced.enrollment_id)
            )
        )
        and enrollment.ended_at is null
    returning enrollment.enrollment_id
),

hastened as (
    update journey.upcoming
    set due_at = least(upcoming.due_at, cast(:as_of as timestamptz))
    where upcoming.enrollment_id = any(array(select ended.enrollment_id from ended))
    returning upcoming.enrollment_id
)

select count(*) as ended
from ended
