-- Wait at most two seconds for a lock, until the transaction ends. This is for commands that only read.
-- grain: one row
-- no parameters
-- look-back: none
select set_config('lock_timeout', '2s', true)
