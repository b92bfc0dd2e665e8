-- Let the statements that follow in this transaction find a thousand rows by a thousand index probes: beside a large
-- table the planner takes one pass over all of it for cheaper, as it counts each probe for every partition.
-- grain: one row
-- look-back: none
select
    set_config('enable_hashjoin', 'off', true) as hash_joins,
    set_config('enable_mergejoin', 'off', true) as merge_joins
