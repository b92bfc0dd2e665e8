-- What: abort a statement of this transaction if it runs longer than a SQL feed may.
-- Grain: one row.
-- Parameters: seconds integer, for one statement.
-- Look-back: none.
select set_config('statement_timeout', cast(:seconds as integer) || 's', true) as statement_timeout
