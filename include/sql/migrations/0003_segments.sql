-- Stage 2, segments: who belonged to which segment when.
create schema segment;

create table segment.membership (
    segment text not null,                               -- registry name, with parameters where they are not the defaults: inactive(days=30)
    customer_id text not null,                           -- member
    occurrence text not null,                            -- which time this is: cart id and change, order line, year…
    occurred_at timestamptz not null,                    -- when the occurrence happened
    context jsonb not null default '{}',                 -- snapshot of what a mail needs: cart items, product…
    entered_at timestamptz not null,                     -- first as_of at which the member was seen
    left_at timestamptz                                  -- first as_of at which it was not; null = still a member
);
create unique index membership_open on segment.membership (segment, customer_id, occurrence) where left_at is null;
create unique index membership_entry on segment.membership (segment, customer_id, occurrence, entered_at);
create index membership_time on segment.membership (segment, entered_at, left_at);

create table segment.refresh (
    segment text primary key,                            -- segment as in membership
    refreshed_at timestamptz not null                    -- newest as_of the intervals are known for
);

create table segment.size_daily (
    day date not null,                                   -- UTC date of as_of
    segment text not null,                               -- segment as in membership
    as_of timestamptz not null,                          -- last as_of of that day
    members bigint not null,                             -- memberships at as_of
    customers bigint not null,                           -- distinct customers at as_of
    entered bigint not null,                             -- entered during the day
    departed bigint not null,                            -- left during the day
    primary key (day, segment)
);
