-- Stage 6, delivery: every request to the provider, caps, pauses and approvals.
create schema delivery;

create table delivery.attempt (
    attempt_id bigint generated always as identity primary key, -- one claim and its one request
    shell_id bigint not null,                            -- shared part of the request
    campaign text not null,                              -- campaign
    worker text not null,                                -- who claimed: host, process, shard
    recipients integer not null,                         -- messages claimed
    claimed_at timestamptz not null,                     -- `now` of the claim, committed before the request
    lease_until timestamptz not null,                    -- past this the claim is in doubt
    finished_at timestamptz,                             -- when the answer was recorded
    outcome text check (
        outcome in ('accepted', 'returned', 'rejected', 'in_doubt', 'split')
    ),                                                   -- what became of it; null = unanswered
    http_status integer,                                 -- status, if one came
    x_message_id text,                                   -- the provider's id of the request
    error text                                           -- what went wrong, without personal data
);
create index attempt_open on delivery.attempt (lease_until) where outcome is null;

create table delivery.cap_reservation (
    address_key uuid not null,                           -- md5 of the address: one a person, not readable
    period text not null check (period in ('day', 'week')), -- what the cap counts
    starts_on date not null,                             -- local day, or Monday of the local week
    n integer not null,                                  -- n-th mail of that period
    enrollment_id bigint not null,                       -- message's enrollment
    step text not null,                                  -- message's step
    primary key (address_key, period, starts_on, n)
);
create index cap_reservation_message on delivery.cap_reservation (enrollment_id, step);

create table delivery.pause (
    scope text primary key,                              -- 'all', or 'campaign:<name>'
    reason text not null,                                -- who or what paused: operator, dag, breaker, provider
    detail text,                                         -- the numbers or the answer behind it
    paused_at timestamptz not null                       -- since when
);

create table delivery.resumption (
    scope text primary key,                              -- 'all', or 'campaign:<name>'
    resumed_at timestamptz not null                      -- breakers judge what was accepted since
);

create table delivery.approval (
    campaign text not null,                              -- campaign
    definition_md5 text not null,                        -- definition that was approved
    approved_at timestamptz not null,                    -- when
    approved_by text not null,                           -- by whom, a role or a login, not an address
    primary key (campaign, definition_md5)
);
