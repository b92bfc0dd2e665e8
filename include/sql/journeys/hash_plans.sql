-- Make the statements that follow in this transaction compare whole tables by hashing. Another transaction enrolls at
-- the same time. The planner takes the tables that it has just begun to fill for empty, and chooses a nested loop. For
-- each of half a million members that loop would read everything that is written meanwhile.
-- grain: one row
-- look-back: none
select set_config('enable_nestloop', 'off', true) as nested_loops
