-- Occurrences that share a series and go on, each with the earliest fact that ends it by a moment; of several at one
-- moment the first by name. Planning (end_parts.sql), the claim (delivery/judge_parts.sql) and `why` (part_exits.sql)
-- put these rows in.
-- grain: one row per occurrence; reason, exited_at null = nothing ends it
-- topic text; by_moment timestamptz
-- asked: enrollment_id of the series
-- exit_words: the words of journeys/exits that end the campaign's series; they read `series`, one occurrence at a time,
-- because a word names the series, not the occurrence
-- look-back: facts since each series began
select
    part.*,
    first_fact.reason,
    first_fact.exited_at
from (
    select
        occurrence.enrollment_id,
        occurrence.campaign,
        (select installation.topic_called(cast(:topic as text))) as topic,
        occurrence.customer_id,
        occurrence.occurrence,
        occurrence.fate,
        occurrence.occurred_at,
        enrollment.enrolled_at,
        occurrence.context,
        true as may_have_left
    from journey.occurrence
    inner join asked on occurrence.enrollment_id = asked.enrollment_id
    inner join journey.enrollment on occurrence.enrollment_id = enrollment.enrollment_id
    where
        occurrence.fate in ('enrolled', 'joined')
        and occurrence.ended_at is null
) as part
left join lateral (
    with series as not materialized (select part.*)  -- noqa: ST03

    select
        exit_fact.reason,
        exit_fact.exited_at
    from exit_words as exit_fact
    where exit_fact.exited_at <= cast(:by_moment as timestamptz)
    order by exit_fact.exited_at, exit_fact.reason
    limit 1
) as first_fact on true
