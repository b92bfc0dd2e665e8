-- Step 4 of deciding: note the steps for which one condition of theirs does not hold. It is judged for the due moment:
-- facts after it count for nothing, whenever the run comes.
-- grain: one row per step due for which the condition does not hold
-- step text; value text: what the campaign file says of the word; must_hold boolean: true of `when`, false of `unless`;
-- condition jsonb: how the file says it
-- condition_word: the word of decisions/conditions; `asked` is what it reads
-- look-back: that of the word
with asked as not materialized (  -- noqa: ST03
    select
        due.step_due_id,
        due.enrollment_id,
        due.customer_id,
        due.due_at,
        due.is_holdout,
        enrollment.campaign,
        enrollment.occurred_at,
        enrollment.enrolled_at,
        enrollment.context,
        cast(:value as text) as value
    from due
    inner join journey.enrollment on due.enrollment_id = enrollment.enrollment_id
    where due.step = cast(:step as text)
)

insert into unmet (step_due_id, condition)
select
    due.step_due_id,
    cast(:condition as jsonb) as condition
from due
where
    due.step = cast(:step as text)
    and (due.step_due_id in (select met.step_due_id from condition_word as met)) <> cast(:must_hold as boolean)
