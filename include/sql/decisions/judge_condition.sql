-- Step 4 of deciding: note the steps for which one of their conditions does not hold. It is judged as of the due
-- moment. Later facts do not count, however late the run is.
-- grain: one row per step due for which the condition does not hold
-- step text; value jsonb: the word's value in the campaign file, its keys written out; must_hold boolean: true for
-- `when`, false for `unless`; condition jsonb: the condition as the file has it
-- condition_word: the word in decisions/conditions; it reads `asked`, and `fitting` if its header says so
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
        cast(:value as jsonb) as value
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
