create schema delivery;
comment on schema delivery is 'Stage 6, delivery: every request to the provider, caps, pauses and approvals.';

create table delivery.attempt (
    attempt_id bigint generated always as identity primary key,
    shell_id bigint not null,
    campaign text not null,
    worker text not null,
    recipients integer not null,
    claimed_at timestamptz not null,
    lease_until timestamptz not null,
    finished_at timestamptz,
    outcome text check (
        outcome in ('accepted', 'returned', 'rejected', 'in_doubt', 'split')
    ),
    http_status integer,
    x_message_id text,
    error text
);
create index attempt_open on delivery.attempt (lease_until) where outcome is null;

comment on table delivery.attempt is 'Requests to the provider, one row per claim of up to 1,000 mails.';
comment on column delivery.attempt.attempt_id is 'One claim and its one request.';
comment on column delivery.attempt.shell_id is 'Shared part of the request.';
comment on column delivery.attempt.campaign is 'Campaign.';
comment on column delivery.attempt.worker is 'Worker that claimed: host, process, shard.';
comment on column delivery.attempt.recipients is 'Messages claimed.';
comment on column delivery.attempt.claimed_at is '`now` of the claim, committed before the request.';
comment on column delivery.attempt.lease_until is 'After this the claim is in doubt.';
comment on column delivery.attempt.finished_at is 'When the answer was recorded.';
comment on column delivery.attempt.outcome is 'What became of it; null = unanswered.';
comment on column delivery.attempt.http_status is 'HTTP status, if the provider answered.';
comment on column delivery.attempt.x_message_id is 'The provider''s id of the request.';
comment on column delivery.attempt.error is 'What went wrong, without personal data.';

create table delivery.cap_reservation (
    address_key uuid not null,
    period text not null check (period in ('day', 'week')),
    starts_on date not null,
    n integer not null,
    enrollment_id bigint not null,
    step text not null,
    taken_at timestamptz not null,
    zones text not null,
    primary key (address_key, period, starts_on, n)
);

comment on table delivery.cap_reservation is
'Places under the caps that mails hold, one row per address, period and place.';
comment on column delivery.cap_reservation.address_key is 'md5 of the address: one per person, not readable.';
comment on column delivery.cap_reservation.period is 'What the cap counts.';
comment on column delivery.cap_reservation.starts_on is
'Day of UTC, or Monday of its week: claims of one mailbox at one time meet in it. Caps count by taken_at and zones.';
comment on column delivery.cap_reservation.n is 'n-th place of that day or week.';
comment on column delivery.cap_reservation.enrollment_id is 'Message''s enrollment.';
comment on column delivery.cap_reservation.step is 'Message''s step.';
comment on column delivery.cap_reservation.taken_at is '`now` of the claim that took it.';
comment on column delivery.cap_reservation.zones is
'Zones of the customers who had the mailbox then, with a blank between them.';

create table delivery.pause (
    scope text primary key,
    reason text not null,
    detail text,
    paused_at timestamptz not null
);

comment on table delivery.pause is 'Pauses in force, one row per scope; every claim reads them.';
comment on column delivery.pause.scope is '''all'', or ''campaign:<name>''.';
comment on column delivery.pause.reason is 'Who or what paused: operator, dag, breaker, provider.';
comment on column delivery.pause.detail is 'The numbers or the answer behind it.';
comment on column delivery.pause.paused_at is 'Since when.';

create table delivery.resumption (
    scope text primary key,
    resumed_at timestamptz not null
);

comment on table delivery.resumption is
'When sending was last resumed, one row per scope; breakers judge what was accepted since.';
comment on column delivery.resumption.scope is '''all'', or ''campaign:<name>''.';
comment on column delivery.resumption.resumed_at is 'Breakers judge what was accepted since.';

-- Approvals are a log: a revocation ends one, and its row stays.
create table delivery.approval (
    campaign text not null,
    definition_md5 text not null,
    approved_at timestamptz not null,
    approved_by text not null,
    approval_id bigint generated always as identity primary key,
    reading bigint not null,
    revoked_at timestamptz,
    revoked_by text,
    revoked_because text
);
create unique index approval_in_force on delivery.approval (campaign, definition_md5, reading)
where revoked_at is null;

comment on table delivery.approval is
'Approvals for live sending and their revocations, one row per approval; nothing is ever deleted.';
comment on column delivery.approval.campaign is 'Campaign.';
comment on column delivery.approval.definition_md5 is 'Definition that was approved (message.definition).';
comment on column delivery.approval.approved_at is 'When.';
comment on column delivery.approval.approved_by is 'Who approved: a role or a login, not an address.';
comment on column delivery.approval.approval_id is
'Order of approvals; the newest in force is what planning uses in live.';
comment on column delivery.approval.reading is
'Reading of the definition that was approved: planned mails of earlier readings go out as this one.';
comment on column delivery.approval.revoked_at is 'When it was revoked; null = in force.';
comment on column delivery.approval.revoked_by is 'Who revoked: a role or a login, not an address.';
comment on column delivery.approval.revoked_because is 'Why, in the words of the person who revoked it.';
