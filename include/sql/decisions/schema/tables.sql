create schema decision;
comment on schema decision is 'Stage 4, decisions: one named answer to every due step.';

create table decision.decision (
    decision_id bigint generated always as identity,
    decided_at timestamptz not null,
    as_of timestamptz not null,
    enrollment_id bigint not null,
    step text not null,
    campaign text not null,
    customer_id text not null,
    variant text not null,
    outcome text not null check (outcome in ('send', 'skip', 'defer', 'hold')),
    reason text not null,
    due_at timestamptz not null,
    not_before timestamptz,
    until timestamptz,
    expires_at timestamptz,
    detail jsonb not null default '{}',
    send_day date,
    language text,
    currency text,
    -- Decisions are read per campaign, in order.
    primary key (campaign, decision_id, decided_at)
) partition by range (decided_at);
alter table decision.decision alter column detail set statistics 0;
create index decision_step on decision.decision (enrollment_id, step);
-- A customer's mails of the last weeks are found by their decisions, which are written only once. A mail's row is
-- written at planning, claim and record, and every index of it would be written each time too.
create index decision_mail on decision.decision (customer_id, expires_at) where outcome in ('send', 'defer');

comment on table decision.decision is
'Decisions, append-only: one row each time a due step was decided; the newest of a step holds.';
comment on column decision.decision.decision_id is 'Order of decisions, within a campaign.';
comment on column decision.decision.decided_at is '`now` of the run.';
comment on column decision.decision.as_of is 'Period the run worked for.';
comment on column decision.decision.enrollment_id is 'Enrollment.';
comment on column decision.decision.step is 'Step.';
comment on column decision.decision.campaign is 'Campaign.';
comment on column decision.decision.customer_id is 'Customer.';
comment on column decision.decision.variant is 'Arm of the step, or ''holdout''.';
comment on column decision.decision.outcome is 'What was decided.';
comment on column decision.decision.reason is 'Why, by name.';
comment on column decision.decision.due_at is 'When the step was due.';
comment on column decision.decision.not_before is 'First permitted moment of a mail; null = none.';
comment on column decision.decision.until is 'End of a deferral.';
comment on column decision.decision.expires_at is 'After this the mail is stale.';
comment on column decision.decision.detail is 'Facts behind the reason.';
comment on column decision.decision.send_day is
'Recipient''s local date of not_before: caps count by it; null = no mail.';
comment on column decision.decision.language is
'Recipient''s locale as the feed gave it, BCP 47; null = unknown, or no mail.';
comment on column decision.decision.currency is
'Currency of the snapshot, else of the customer, ISO 4217; null = unknown, or no mail.';

create table decision.progress (
    campaign text not null,
    last_step_due_id bigint not null,
    lane smallint not null,
    primary key (campaign, lane)
);

comment on table decision.progress is 'How far each campaign has decided, one row per campaign and lane.';
comment on column decision.progress.campaign is 'Campaign.';
comment on column decision.progress.lane is '0 = steps with an even enrollment_id, decided first; 1 = with an odd one.';
comment on column decision.progress.last_step_due_id is 'Every step of the lane up to this one has its decision.';
