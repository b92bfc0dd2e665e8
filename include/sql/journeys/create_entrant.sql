-- Step 4 of joining: the candidates that become part of a series. They join a running one, or begin one together.
-- grain: one row per customer and occurrence; joins = there is a running series that it joins, otherwise one begins;
-- place: 1 = the customer's newest, which begins that series
-- campaign, segment text; about text[]: keys of the context that say what an occurrence is about
-- look-back: none
create temporary table entrant on commit drop as
select
    candidate.customer_id,
    candidate.occurrence,
    candidate.occurred_at,
    candidate.entered_at,
    membership.context,
    journey.subject_of(membership.context, cast(:about as text[])) as subject,
    joinable.enrollment_id is not null as joins,
    row_number() over (
        partition by candidate.customer_id
        order by candidate.occurred_at desc, candidate.occurrence desc
    ) as place
from candidate
inner join segment.membership
    on
        membership.segment = cast(:segment as text)
        and candidate.customer_id = membership.customer_id
        and candidate.occurrence = membership.occurrence
        and candidate.entered_at = membership.entered_at
left join joinable on candidate.customer_id = joinable.customer_id
where
    not candidate.is_too_soon
    and (
        joinable.enrollment_id is not null
        or not exists (
            select 1
            from journey.enrollment as running
            where
                running.campaign = cast(:campaign as text)
                and running.customer_id = candidate.customer_id
                and running.ended_at is null
        )
    )
