-- Step 2 of joining: what the campaign's ended series of the candidates' customers were about, if they began within the
-- re-entry days. It may not be mailed about again yet.
-- grain: one row per customer and subject, any number of times; subject null = it is not known, and the days count per
-- customer
-- campaign text; as_of timestamptz; reenter_after_days days;
-- about text[]: keys of the context that say what an occurrence is about
-- look-back: enrollments of the last reenter_after_days days
create temporary table recent on commit drop as
select
    enrollment.customer_id,
    journey.subject_of(coalesce(part.context, enrollment.context), cast(:about as text[])) as subject
from journey.enrollment
left join journey.occurrence as part
    on enrollment.enrollment_id = part.enrollment_id and part.fate in ('enrolled', 'joined')
where
    enrollment.campaign = cast(:campaign as text)
    and enrollment.customer_id in (select candidate.customer_id from candidate)
    and enrollment.ended_at is not null
    and enrollment.end_reason <> 'superseded'
    and part.end_reason is distinct from 'superseded'
    and enrollment.enrolled_at
    > cast(:as_of as timestamptz) - cast(:reenter_after_days as double precision) * interval '24 hours'
