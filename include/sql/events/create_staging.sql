-- What the step's events mean, before they are taken in. COPY fills the table, and it is dropped with the transaction.
-- event and address are null if no fold needs them, because the event is just a step of a mail's life.
-- request_id is set if an event has no ids of ours, and is_matched once its mail was found all the same.
-- link, agent and is_scanner belong to clicks.
-- grain: one row per event, no sg_event_id twice
create temporary table event_staging (
    sg_event_id text collate "C" not null,
    occurred_at timestamptz not null,
    message_id uuid,
    fact text,
    event text,
    address text,
    scope text,
    suppression text,
    reason text,
    request_id text,
    link bigint,
    agent bigint,
    is_scanner boolean,
    is_matched boolean not null default false
) on commit drop
