-- Drop the mails that an earlier question of this transaction asked for.
-- grain: none
-- look-back: none
drop table if exists pg_temp.recommendation_asked
