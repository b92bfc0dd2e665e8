-- What: store how far a SQL feed was read, in the transaction of its rows.
-- Grain: one row.
-- Parameters: feed text; since timestamptz, the start of this load.
-- Look-back: none.
insert into source.sql_feed (feed, since)
values (cast(:feed as text), cast(:since as timestamptz))
on conflict (feed) do update set since = excluded.since
