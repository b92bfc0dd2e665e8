-- Wait two seconds for a lock, and no longer, until the transaction ends: for who only looks.
-- grain: one row
-- no parameters
-- look-back: none
select set_config('lock_timeout', '2s', true)
