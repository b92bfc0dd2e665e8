-- Let the statements that follow in this transaction compare whole tables by hashing. Another one enrolls at the same
-- time: a table it has just begun to fill is empty to the planner, and a loop over nothing, for each of half a million
-- members, becomes a loop over all that is written meanwhile.
-- grain: one row
-- look-back: none
select set_config('enable_nestloop', 'off', true) as nested_loops
