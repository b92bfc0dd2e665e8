-- What: wait for a lock at most this long, until the transaction ends.
-- Grain: one row.
-- Parameters: milliseconds integer.
-- Look-back: none.
select set_config('lock_timeout', cast(cast(:milliseconds as integer) as text), true) as lock_timeout
