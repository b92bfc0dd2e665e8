-- Occurrences have their fate in the ledger, and several may share a series.
alter table journey.enrollment add column joined integer not null default 0;
comment on column journey.enrollment.joined is
'Occurrences that became part of the series besides its own; each has a row in journey.occurrence.';
comment on column journey.enrollment.context is
'Snapshot at entry; leaving the segment changes nothing. A newer one replaces it where the campaign says so. A series '
'of several occurrences has the key occurrences: the snapshots of all that have not ended, and its own first.';

create table journey.occurrence (
    customer_id text not null,
    campaign text not null,
    occurrence text not null,
    occurred_at timestamptz not null,
    fate text not null check (fate in ('enrolled', 'joined', 'taken_over', 'waiting')),
    reason text,
    decided_at timestamptz not null,
    enrollment_id bigint,
    context jsonb,
    ended_at timestamptz,
    end_reason text,
    primary key (customer_id, campaign, occurrence),
    check ((fate = 'waiting') = (reason is not null)),
    check ((fate = 'waiting') = (enrollment_id is null))
);
alter table journey.occurrence alter column context set statistics 0;
create index occurrence_part on journey.occurrence (enrollment_id) where fate in ('enrolled', 'joined');
create index occurrence_open on journey.occurrence (campaign, enrollment_id)
where fate in ('enrolled', 'joined') and ended_at is null;
create index occurrence_waiting on journey.occurrence (campaign, decided_at) where fate = 'waiting';

comment on table journey.occurrence is
'Occurrences that share a series, gave it their context, or wait: one row per campaign, customer and occurrence. An '
'occurrence with a series of its own has no row here; see journey.occurrence_fate.';
comment on column journey.occurrence.customer_id is 'Customer.';
comment on column journey.occurrence.campaign is 'Campaign.';
comment on column journey.occurrence.occurrence is 'Which time this is, as in segment.membership.';
comment on column journey.occurrence.occurred_at is 'When the occurrence happened.';
comment on column journey.occurrence.fate is
'enrolled: it began a series that others joined; joined: it became part of a series; taken_over: the series goes on '
'with its context; waiting: it has no series, and is looked at again.';
comment on column journey.occurrence.reason is
'Why it waits: series_running, or reentered_too_soon (reenter_after_days).';
comment on column journey.occurrence.decided_at is 'as_of of the run that gave it this fate and reason.';
comment on column journey.occurrence.enrollment_id is 'Series; null = none.';
comment on column journey.occurrence.context is 'Its snapshot, if it is one of several occurrences of a series.';
comment on column journey.occurrence.ended_at is
'When the occurrence ended inside a shared series, by itself or with it; null = it goes on.';
comment on column journey.occurrence.end_reason is 'Why it ended, as in journey.enrollment.';
