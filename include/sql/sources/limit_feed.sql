-- What: end a statement of this transaction that runs longer than a SQL feed may.
-- Grain: one row.
-- Parameters: seconds integer, of one statement.
-- Look-back: none.
select set_config('statement_timeout', cast(:seconds as integer) || 's', true) as statement_timeout
