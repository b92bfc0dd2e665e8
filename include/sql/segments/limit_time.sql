-- Limit the time of each statement of this transaction, from the next one on.
-- grain: one row, the limit until now
-- length text: with its unit, such as 300000ms; 0 = no limit
-- look-back: none
with before as materialized (select current_setting('statement_timeout') as length)

select
    b.length,
    set_config('statement_timeout', cast(:length as text), true) as now
from before as b
