create schema segment;
comment on schema segment is 'Stage 2, segments: who belonged to which segment when.';

create table segment.membership (
    segment text not null,
    customer_id text not null,
    occurrence text not null,
    occurred_at timestamptz not null,
    context jsonb not null default '{}',
    entered_at timestamptz not null,
    left_at timestamptz
);
create unique index membership_open on segment.membership (segment, customer_id, occurrence) where left_at is null;
create unique index membership_entry on segment.membership (segment, customer_id, occurrence, entered_at);
create index membership_time on segment.membership (segment, entered_at, left_at);
-- Departures of a day are looked up by their time, not by reading the whole segment.
create index membership_left on segment.membership (segment, left_at) where left_at is not null;

comment on table segment.membership is
'Memberships as intervals [entered_at, left_at), one row per member, occurrence and stay.';
comment on column segment.membership.segment is
'Registry name, with parameters that are not the defaults: inactive(days=30).';
comment on column segment.membership.customer_id is 'Member.';
comment on column segment.membership.occurrence is 'Which time this is: cart id and change, order line, year…';
comment on column segment.membership.occurred_at is 'When the occurrence happened.';
comment on column segment.membership.context is 'Snapshot of what a mail needs: cart items, product…';
comment on column segment.membership.entered_at is 'First as_of at which the member was seen.';
comment on column segment.membership.left_at is 'First as_of at which the member was gone; null = still a member.';

create table segment.refresh (
    segment text primary key,
    refreshed_at timestamptz not null
);

comment on table segment.refresh is 'How far each segment is known, one row per segment.';
comment on column segment.refresh.segment is 'Segment as in membership.';
comment on column segment.refresh.refreshed_at is 'Newest as_of that the intervals are known for.';

create table segment.size_daily (
    day date not null,
    segment text not null,
    as_of timestamptz not null,
    members bigint not null,
    customers bigint not null,
    entered bigint not null,
    departed bigint not null,
    primary key (day, segment)
);

comment on table segment.size_daily is 'Sizes of segments, one row per UTC day and segment.';
comment on column segment.size_daily.day is 'UTC date of as_of.';
comment on column segment.size_daily.segment is 'Segment as in membership.';
comment on column segment.size_daily.as_of is 'Last as_of of that day.';
comment on column segment.size_daily.members is 'Memberships at as_of.';
comment on column segment.size_daily.customers is 'Distinct customers at as_of.';
comment on column segment.size_daily.entered is 'Entered during the day.';
comment on column segment.size_daily.departed is 'Left during the day.';

create table segment.stage_daily (
    day date not null,
    from_stage text not null,
    to_stage text not null,
    customers bigint not null,
    as_of timestamptz not null,
    primary key (day, from_stage, to_stage)
);

comment on table segment.stage_daily is
'Lifecycle stages at the beginning and at the end of each UTC day, one row per day, from_stage and to_stage.';
comment on column segment.stage_daily.day is 'UTC date.';
comment on column segment.stage_daily.from_stage is
'Stage when the day began (attribute lifecycle_stage); outside = the customer was not there yet.';
comment on column segment.stage_daily.to_stage is
'Stage when the day ended: from_stage = no transition; outside = the customer was erased during the day.';
comment on column segment.stage_daily.customers is 'Customers who went that way, or stayed.';
comment on column segment.stage_daily.as_of is 'Time at which it was counted; facts that came later are not in it.';
