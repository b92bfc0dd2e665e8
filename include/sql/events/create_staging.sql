-- What the step's events mean, before they are taken; filled by COPY, gone with the transaction.
-- grain: one row an event, no sg_event_id twice
create temporary table event_staging (
    sg_event_id text collate "C" not null,
    occurred_at timestamptz not null,
    event text not null,
    message_id uuid,
    address text,
    fact text,
    scope text,
    suppression text,
    reason text
) on commit drop
