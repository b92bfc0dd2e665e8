-- Step 2 of ending shared occurrences: end each occurrence of a struck series that an exit ends. The earliest fact
-- names the reason.
-- grain: one row per occurrence ended
-- topic text; as_of timestamptz; goal_facts text[]: exit words that are the goal itself, named 'converted'
-- exit_words: the words of journeys/exits that end the campaign's series; they read `series`, one occurrence at a time,
-- because a word names the series, not the occurrence
-- look-back: facts since each series began
with part as (
    select
        enrollment.enrollment_id,
        enrollment.campaign,
        (select installation.topic_called(cast(:topic as text))) as topic,
        enrollment.customer_id,
        occurrence.occurrence,
        occurrence.occurred_at,
        enrollment.enrolled_at,
        occurrence.context,
        true as may_have_left
    from struck
    inner join journey.occurrence on struck.enrollment_id = occurrence.enrollment_id
    inner join journey.enrollment on struck.enrollment_id = enrollment.enrollment_id
    where
        occurrence.fate in ('enrolled', 'joined')
        and occurrence.ended_at is null
        and enrollment.ended_at is null
),

ended as (
    select
        part.enrollment_id,
        part.customer_id,
        part.campaign,
        part.occurrence,
        greatest(first_fact.exited_at, part.enrolled_at) as ended_at,
        case
            when first_fact.reason = any(cast(:goal_facts as text[])) then 'converted'
            else first_fact.reason
        end as end_reason
    from part
    inner join lateral (
        with series as not materialized (select part.*)  -- noqa: ST03

        select
            exit_fact.reason,
            exit_fact.exited_at
        from exit_words as exit_fact
        where exit_fact.exited_at <= cast(:as_of as timestamptz)
        order by exit_fact.exited_at, exit_fact.reason
        limit 1
    ) as first_fact on true
)

update journey.occurrence
set
    ended_at = ended.ended_at,
    end_reason = ended.end_reason
from ended
where
    occurrence.customer_id = ended.customer_id
    and occurrence.campaign = ended.campaign
    and occurrence.occurrence = ended.occurrence
returning occurrence.enrollment_id
