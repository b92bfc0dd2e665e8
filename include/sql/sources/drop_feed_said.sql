-- What: drop what this load noted of its files.
-- Grain: none.
-- Parameters: none. Look-back: none.
drop table feed_said
