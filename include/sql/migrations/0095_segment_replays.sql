-- What a requested segment would have done, day by day, for who decides about it and for charts.
create table segment.replay_daily (
    segment text not null,
    version integer not null,
    day date not null,
    at timestamptz not null,
    members bigint not null,
    entered bigint not null,
    mails bigint not null,
    capped bigint not null,
    pressed bigint not null,
    primary key (segment, version, day)
);

comment on table segment.replay_daily is
'What a requested segment would have done, one row per version and UTC day: one mail to each who entered.';
comment on column segment.replay_daily.segment is 'Segment, as in segment.request.';
comment on column segment.replay_daily.version is 'Version, as in segment.request.';
comment on column segment.replay_daily.day is 'UTC date of at.';
comment on column segment.replay_daily.at is 'The moment that was judged, on facts timed up to it.';
comment on column segment.replay_daily.members is 'Customers inside.';
comment on column segment.replay_daily.entered is 'Customers who entered since the day before.';
comment on column segment.replay_daily.mails is
'Of these, who would have been mailed, with the permissions of the day of the replay.';
comment on column segment.replay_daily.capped is 'Of these, whose cap was full.';
comment on column segment.replay_daily.pressed is
'Of these, who may be mailed and got 10 mails or more in the 30 days before.';
