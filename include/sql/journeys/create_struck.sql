-- Step 1 of ending shared occurrences: the series in which an exit ends an occurrence at or before as_of.
-- grain: one row per enrollment
-- campaign, topic text; as_of timestamptz
-- exit_words: the words of journeys/exits that end the campaign's series; they read `series`, one row per occurrence
-- look-back: occurrences of running, shared series, and the facts since each began
create temporary table struck on commit drop as
with series as not materialized (  -- noqa: ST03
    select
        enrollment.enrollment_id,
        enrollment.campaign,
        (select installation.topic_called(cast(:topic as text))) as topic,
        enrollment.customer_id,
        part.occurred_at,
        enrollment.enrolled_at,
        part.context,
        true as may_have_left
    from journey.occurrence as part
    inner join journey.enrollment on part.enrollment_id = enrollment.enrollment_id
    where
        part.campaign = cast(:campaign as text)
        and part.fate in ('enrolled', 'joined')
        and part.ended_at is null
        and enrollment.ended_at is null
)

select distinct exit_fact.enrollment_id
from exit_words as exit_fact
where exit_fact.exited_at <= cast(:as_of as timestamptz)
