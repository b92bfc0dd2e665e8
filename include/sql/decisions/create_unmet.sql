-- Step 3 of deciding: the table of conditions that do not hold (branch_not_taken). judge_condition fills it.
-- grain: one row per step due and condition that does not hold
-- look-back: none
create temporary table unmet (
    step_due_id bigint not null,
    condition jsonb not null
) on commit drop
