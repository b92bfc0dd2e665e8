-- Stage 4, decisions: one named answer to every due step, append-only.
create schema decision;

create table decision.decision (
    decision_id bigint generated always as identity,     -- order of decisions, within a campaign
    decided_at timestamptz not null,                     -- `now` of the run
    as_of timestamptz not null,                          -- period the run worked for
    enrollment_id bigint not null,                       -- enrollment
    step text not null,                                  -- step
    campaign text not null,                              -- campaign
    customer_id text not null,                           -- customer
    variant text not null,                               -- arm of the step, or 'holdout'
    outcome text not null check (outcome in ('send', 'skip', 'defer', 'hold')), -- what was decided
    reason text not null,                                -- why, by name
    due_at timestamptz not null,                         -- when the step was due
    not_before timestamptz,                              -- first permitted moment of a mail; null = none
    until timestamptz,                                   -- end of a deferral
    expires_at timestamptz,                              -- past this a mail is stale
    detail jsonb not null default '{}',                  -- facts behind the reason
    primary key (decision_id, decided_at)
) partition by range (decided_at);
create index decision_step on decision.decision (enrollment_id, step);
create index decision_customer on decision.decision (customer_id);
create index decision_campaign on decision.decision (campaign, decision_id);

create table decision.progress (
    campaign text primary key,                           -- campaign
    last_step_due_id bigint not null                     -- every step up to this one has its decision
);

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
            then ((at at time zone zone)::date + opens) at time zone zone
        else ((at at time zone zone)::date + 1 + opens) at time zone zone
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
