-- Stage 4, decisions: one named answer to every due step, append-only.
create schema decision;

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
    primary key (decision_id, decided_at)
) partition by range (decided_at);
create index decision_step on decision.decision (enrollment_id, step);
create index decision_customer on decision.decision (customer_id);
create index decision_campaign on decision.decision (campaign, decision_id);

create table decision.progress (
    campaign text primary key,
    last_step_due_id bigint not null
);

-- The first instant at or after `at` at which clocks in `zone` show `local`: where they go back an hour and show
-- it twice, the first of the two.
create function decision.first_instant(local timestamp, zone text, at timestamptz) returns timestamptz
language sql immutable parallel safe as $$
    select case
        when
            ((local at time zone zone) - interval '1 hour') at time zone zone = local
            and (local at time zone zone) - interval '1 hour' >= at
            then (local at time zone zone) - interval '1 hour'
        else local at time zone zone
    end
$$;

-- The first moment at or after `at` whose local time in `zone` lies in [opens, closes).
-- opens = closes means the whole day; opens > closes is a window over midnight. A local time skipped by
-- daylight saving is moved forward by the skipped hour, as PostgreSQL does.
create function decision.next_open(at timestamptz, zone text, opens time, closes time) returns timestamptz
language sql immutable parallel safe as $$
    select case
        when opens = closes then at
        when opens < closes and (at at time zone zone)::time >= opens and (at at time zone zone)::time < closes then at
        when opens > closes and ((at at time zone zone)::time >= opens or (at at time zone zone)::time < closes) then at
        when (at at time zone zone)::time < opens
            then decision.first_instant((at at time zone zone)::date + opens, zone, at)
        else decision.first_instant((at at time zone zone)::date + 1 + opens, zone, at)
    end
$$;

-- The first moment at or after `at` that both the campaign's send window and the topic's quiet hours permit.
create function decision.first_permitted(
    at timestamptz, zone text, window_opens time, window_closes time, quiet_begins time, quiet_ends time
) returns timestamptz
language sql immutable parallel safe as $$
    select decision.next_open(
        decision.next_open(
            decision.next_open(at, zone, window_opens, window_closes),
            zone, quiet_ends, quiet_begins
        ),
        zone, window_opens, window_closes
    )
$$;

comment on schema decision is 'Stage 4, decisions: one named answer to every due step.';

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
comment on column decision.decision.expires_at is 'Past this a mail is stale.';
comment on column decision.decision.detail is 'Facts behind the reason.';

comment on table decision.progress is 'How far each campaign has decided, one row a campaign.';
comment on column decision.progress.campaign is 'Campaign.';
comment on column decision.progress.last_step_due_id is 'Every step up to this one has its decision.';
