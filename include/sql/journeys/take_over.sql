-- Step 3b of enrolling: series that a mail of went take over the newer context, if it is about the same thing (the same
-- cart). What is still to be mailed then shows what there is now.
-- A step around a moment of the context follows the newer one: the same run looks at the series again.
-- grain: one row per series
-- campaign, segment text; as_of timestamptz; about text[]: keys of the context that say what an occurrence is about
-- look-back: none
with taken as (
    update journey.enrollment
    set
        context = membership.context,
        occurred_at = candidate.occurred_at
    from outdated
    inner join candidate on outdated.customer_id = candidate.customer_id and candidate.place = 1
    inner join segment.membership
        on
            membership.segment = cast(:segment as text)
            and candidate.customer_id = membership.customer_id
            and candidate.occurrence = membership.occurrence
            and candidate.entered_at = membership.entered_at
    where
        enrollment.enrollment_id = outdated.enrollment_id
        and enrollment.ended_at is null
        and enrollment.joined = 0
        and journey.subject_of(enrollment.context, cast(:about as text[]))
        = journey.subject_of(membership.context, cast(:about as text[]))
    returning enrollment.enrollment_id, enrollment.customer_id, candidate.occurrence, candidate.occurred_at
),

looked_at_again as (
    update journey.upcoming
    set due_at = cast(:as_of as timestamptz)
    from taken
    where upcoming.enrollment_id = taken.enrollment_id and upcoming.due_at > cast(:as_of as timestamptz)
    returning upcoming.enrollment_id
)

insert into journey.occurrence (
    customer_id, campaign, occurrence, occurred_at, fate, decided_at, enrollment_id
)
select
    taken.customer_id,
    cast(:campaign as text) as campaign,
    taken.occurrence,
    taken.occurred_at,
    'taken_over' as fate,
    cast(:as_of as timestamptz) as decided_at,
    taken.enrollment_id
from taken
on conflict (customer_id, campaign, occurrence) do update set
    fate = excluded.fate,
    reason = null,
    decided_at = excluded.decided_at,
    enrollment_id = excluded.enrollment_id
