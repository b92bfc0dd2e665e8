-- Limit the time of each statement of this transaction, from the next one on.
-- grain: one row, the limit until now; columns of a row are computed in their order
-- length text: with its unit, such as 300000ms; 0 = no limit
-- look-back: none
select
    current_setting('statement_timeout') as before,
    set_config('statement_timeout', cast(:length as text), true) as now
