-- Leave the choice of joins to the planner again.
-- grain: one row
select
    set_config('enable_hashjoin', 'on', true) as hash_joins,
    set_config('enable_mergejoin', 'on', true) as merge_joins
