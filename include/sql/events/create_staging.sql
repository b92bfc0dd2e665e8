-- The step's events before they are taken; filled by COPY, gone with the transaction.
-- grain: one row an event, no sg_event_id twice
create temporary table event_staging (
    sg_event_id text not null,
    occurred_epoch bigint not null,
    event text not null,
    message_id uuid,
    address text,
    fact text,
    scope text,
    suppression text,
    reason text,
    raw jsonb not null,
    occurred_at timestamptz not null generated always as (to_timestamp(occurred_epoch)) stored
) on commit drop
