-- SQL feeds: one select, run with the rights of a role that can only select, however the text tries to leave it.
-- formerly: 057f0d12c9c5c52aa0fdaa353898057d
create table source.sql_feed (
    feed text primary key,
    since timestamptz not null
);

comment on table source.sql_feed is 'How far each SQL feed was read, one row per feed; without a row, all is read.';
comment on column source.sql_feed.feed is 'Name of the feed, as in include/sql/feeds/<feed>.sql.';
comment on column source.sql_feed.since is
'Start of the last load that took this SQL feed: what the next load binds as :since.';
