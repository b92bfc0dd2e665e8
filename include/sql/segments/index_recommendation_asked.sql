-- Find a mail of recommendation_asked by its number: a claim's transaction joins by index probes alone.
-- grain: one row per mail
-- look-back: none
alter table recommendation_asked add primary key (mail)
