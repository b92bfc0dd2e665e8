-- Make the statements that follow in this transaction find what a few steps need by index probes. However long the
-- history is, a roll-up then reads only what changed. The planner would choose one pass over the history, because it
-- counts each probe once per partition.
-- grain: one row
select
    set_config('enable_hashjoin', 'off', true) as hash_joins,
    set_config('enable_mergejoin', 'off', true) as merge_joins
