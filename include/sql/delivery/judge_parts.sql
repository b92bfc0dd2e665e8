-- Judge the occurrences of series that several share, for mails that this transaction has locked. No occurrence can
-- join them any more. What an exit has ended is not in the mail.
-- grain: one row per series that is shared; context = that of the occurrences that go on, as text, null = none does;
-- reason: if none does, the exit that ended the last one
-- enrollment_ids bigint[]; campaign_topic text; now timestamptz
-- exit_words: the words of journeys/exits that end the campaign's series; they read `series`, one row per occurrence
-- look-back: facts since the enrollment (journeys/exits)
with part as (
    select
        occurrence.enrollment_id,
        occurrence.campaign,
        (select installation.topic_called(cast(:campaign_topic as text))) as topic,
        occurrence.customer_id,
        occurrence.occurrence,
        occurrence.fate,
        occurrence.occurred_at,
        enrollment.enrolled_at,
        occurrence.context,
        true as may_have_left
    from journey.occurrence
    inner join journey.enrollment on occurrence.enrollment_id = enrollment.enrollment_id
    where
        occurrence.enrollment_id = any(cast(:enrollment_ids as bigint[]))
        and occurrence.fate in ('enrolled', 'joined')
        and occurrence.ended_at is null
)

select
    part.enrollment_id,
    cast(
        journey.context_of(
            jsonb_agg(part.context order by part.fate <> 'enrolled', part.occurred_at, part.occurrence)
            filter (where left_part.reason is null)
        ) as text
    ) as context,
    (array_agg(left_part.reason order by left_part.exited_at desc, left_part.reason asc))[1] as reason
from part
left join lateral (
    with series as not materialized (select part.*)  -- noqa: ST03

    select
        exit_fact.reason,
        exit_fact.exited_at
    from exit_words as exit_fact
    where exit_fact.exited_at <= cast(:now as timestamptz)
    order by exit_fact.exited_at, exit_fact.reason
    limit 1
) as left_part on true
group by part.enrollment_id
