-- Make the statements that follow in this transaction find a thousand rows by a thousand index probes. For a large
-- table the planner would choose one pass over all of it, because it counts each probe once per partition.
-- grain: one row
-- look-back: none
select
    set_config('enable_hashjoin', 'off', true) as hash_joins,
    set_config('enable_mergejoin', 'off', true) as merge_joins
