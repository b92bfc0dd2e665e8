-- Let the statements that follow in this transaction find what a few steps need by index probes: however long the
-- history is, a roll-up reads of it what changed. As it counts each probe for every partition, the planner takes one
-- pass over the history for cheaper.
-- grain: one row
select
    set_config('enable_hashjoin', 'off', true) as hash_joins,
    set_config('enable_mergejoin', 'off', true) as merge_joins
