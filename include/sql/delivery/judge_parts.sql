-- Judge the occurrences of series that several share, for mails that this transaction has locked. No occurrence can
-- join them any more. What an exit has ended is not in the mail.
-- grain: one row per series that is shared; context = that of the occurrences that go on, as text, null = none does;
-- reason: if none does, the exit that ended the last one
-- enrollment_ids bigint[], and what journeys/judged_part binds
-- judged_part: the rows of journeys/judged_part
-- look-back: facts since the enrollment (journeys/exits)
with asked as (select unnest(cast(:enrollment_ids as bigint[])) as enrollment_id)  -- noqa: ST03

select
    judged.enrollment_id,
    cast(
        journey.context_of(
            jsonb_agg(judged.context order by judged.fate <> 'enrolled', judged.occurred_at, judged.occurrence)
            filter (where judged.reason is null)
        ) as text
    ) as context,
    (array_agg(judged.reason order by judged.exited_at desc, judged.reason asc))[1] as reason
from judged_part as judged
group by judged.enrollment_id
